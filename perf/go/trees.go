// The binary-trees program of the Computer Language Benchmarks Game for Go's collector, with the checks and the figures of its C# twin
// (perf/Traced/Workloads/BinaryTrees.cs). Prints one line of JSON, the fields of TracedRun.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	smallestDepth = 4
	depthStep     = 2
)

type node struct{ left, right *node }

type run struct {
	WallSeconds float64
	CpuSeconds  float64
	Collections int64
	PausesMs    []float64
	PeakBytes   int64
}

func main() {
	depth, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	trees(8)
	debug.FreeOSMemory()
	resetPeak()
	baseline := memory("VmRSS:")
	pauses := &pauseLog{}
	pauses.look()
	before := len(pauses.milliseconds)
	cpu, start := cpuSeconds(), time.Now()
	treesWith(depth, pauses.look)
	result := run{WallSeconds: time.Since(start).Seconds(), CpuSeconds: cpuSeconds() - cpu}
	pauses.look()
	result.PausesMs = pauses.milliseconds[before:]
	result.Collections = int64(len(result.PausesMs))
	result.PeakBytes = memory("VmHWM:") - baseline
	line, _ := json.Marshal(result)
	fmt.Println(string(line))
}

func trees(depth int) { treesWith(depth, func() {}) }

func treesWith(depth int, look func()) {
	require("the stretch tree", nodesOf(depth+1), build(depth+1).count())
	longLived := build(depth)
	for each := smallestDepth; each <= depth; each += depthStep {
		iterations := int64(1) << (depth - each + smallestDepth)
		nodes := int64(0)
		for i := int64(0); i < iterations; i++ {
			nodes += build(each).count()
		}
		require("the sum of the trees of depth "+strconv.Itoa(each), iterations*nodesOf(each), nodes)
		look()
	}
	require("the long-lived tree", nodesOf(depth), longLived.count())
}

func build(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{build(depth - 1), build(depth - 1)}
}

func (n *node) count() int64 {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func nodesOf(depth int) int64 { return int64(2)<<depth - 1 }

func require(what string, expected, found int64) {
	if expected != found {
		fail(fmt.Sprintf("binary-trees in Go: %s should be %d and is %d.", what, expected, found))
	}
}

// The runtime keeps the pauses of its last 256 collections: looked at often enough none is lost.
type pauseLog struct {
	seen         int64
	milliseconds []float64
}

func (log *pauseLog) look() {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	fresh := stats.NumGC - log.seen
	if fresh > int64(len(stats.Pause)) {
		fail("binary-trees in Go: pauses were lost.")
	}
	for _, pause := range stats.Pause[:fresh] {
		log.milliseconds = append(log.milliseconds, float64(pause)/float64(time.Millisecond))
	}
	log.seen = stats.NumGC
}
