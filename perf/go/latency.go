// The caches of perf/Traced/Latency for Go's collector: threads with a cache each that forgets what was used least recently. Arguments: threads,
// MiB live, seconds. Prints one line of JSON, the fields of LatencyRun.
package main

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	lookUps       = 10
	valueLength   = 8
	bytesPerEntry = 128
	fillBatch     = 1000
	slowNs        = 250_000
	sampleNs      = 1_000_000
	mostListed    = 20_000
	stepBits      = 5
	mostBits      = 40
	histogramSize = (mostBits - stepBits + 1) << stepBits
	usageOfThread = 1
	clockOfThread = 3
)

const (
	ran = iota
	waited
	preempted
)

type value struct{ numbers [valueLength]int64 }

type entry struct {
	previous, next, chain *entry
	item                  *value
	key                   int64
}

type cache struct {
	buckets     []*entry
	first, last *entry
	count       int
	capacity    int
	bucketBits  int
	state       uint64
}

type slow struct {
	AtMs, Ms float64
	Cause    int
}

type pause struct{ AtMs, Ms float64 }

type result struct {
	Seconds    float64
	Counts     map[string]int64
	Slow       []slow
	Causes     [3]int
	LongestMs  float64
	Pauses     []pause
	PeakBytes  int64
	CpuSeconds float64
}

type usage struct{ ran, waits int64 }

type recorder struct {
	counts    [histogramSize]int64
	slow      []slow
	causes    [3]int
	longestMs float64
	usage     usage
	sampledAt time.Time
}

func main() {
	threads, live, seconds := number(1), number(2), number(3)
	debug.FreeOSMemory()
	resetPeak()
	baseline := memory("VmRSS:")
	capacity := live << 20 / threads / bytesPerEntry
	var filled, used, done sync.WaitGroup
	begin, check := make(chan time.Time), make(chan bool)
	recorders := make([]*recorder, threads)
	for i := range recorders {
		filled.Add(1)
		used.Add(1)
		done.Add(1)
		recorders[i] = &recorder{slow: make([]slow, 0, mostListed)}
		go func(own *recorder, seed uint64) {
			// A thread of the system for each, so that what the system counts is the thread's.
			runtime.LockOSThread()
			defer done.Done()
			c := newCache(capacity, seed)
			for n := 0; n < 3*capacity; n += fillBatch {
				c.lookUp(fillBatch)
			}
			filled.Done()
			start := <-begin
			own.use(c, start, start.Add(time.Duration(seconds)*time.Second))
			used.Done()
			<-check
			if good := c.countGood(); good != capacity {
				fail(fmt.Sprintf("latency in Go: %d entries of %d are left.", good, capacity))
			}
		}(recorders[i], uint64(i+1))
	}
	filled.Wait()
	cpu, start := cpuSeconds(), time.Now()
	for range recorders {
		begin <- start
	}
	used.Wait()
	end := time.Now()
	all := result{Seconds: end.Sub(start).Seconds(), Counts: map[string]int64{}, CpuSeconds: cpuSeconds() - cpu, Slow: []slow{}}
	all.Pauses = pausesSince(start, end)
	all.PeakBytes = memory("VmHWM:") - baseline
	close(check)
	done.Wait()
	for _, each := range recorders {
		for index, count := range each.counts {
			if count != 0 {
				all.Counts[strconv.Itoa(index)] += count
			}
		}
		for cause, count := range each.causes {
			all.Causes[cause] += count
		}
		if each.longestMs > all.LongestMs {
			all.LongestMs = each.longestMs
		}
		all.Slow = append(all.Slow, each.slow...)
	}
	line, _ := json.Marshal(all)
	fmt.Println(string(line))
}

func newCache(capacity int, seed uint64) *cache {
	c := &cache{capacity: capacity, bucketBits: bits.Len(uint(capacity)) - 1, state: seed}
	c.buckets = make([]*entry, 1<<c.bucketBits)
	return c
}

func (c *cache) lookUp(steps int) {
	keys := uint64(c.capacity / 2 * 3)
	for i := 0; i < steps; i++ {
		key := int64((c.random() >> 32) * keys >> 32)
		bucket := &c.buckets[c.bucketOf(key)]
		e := *bucket
		for e != nil && e.key != key {
			e = e.chain
		}
		if e != nil {
			c.unlink(e)
		} else {
			if c.count == c.capacity {
				c.evict()
			}
			e = c.add(bucket, key)
		}
		c.linkFirst(e)
	}
}

func (c *cache) add(bucket **entry, key int64) *entry {
	c.count++
	item := &value{}
	for i := range item.numbers {
		item.numbers[i] = key
	}
	e := &entry{key: key, item: item, chain: *bucket}
	*bucket = e
	return e
}

func (c *cache) evict() {
	c.count--
	last := c.last
	c.unlink(last)
	link := &c.buckets[c.bucketOf(last.key)]
	for *link != last {
		link = &(*link).chain
	}
	*link = last.chain
}

func (c *cache) unlink(e *entry) {
	if e.previous != nil {
		e.previous.next = e.next
	} else {
		c.first = e.next
	}
	if e.next != nil {
		e.next.previous = e.previous
	} else {
		c.last = e.previous
	}
}

func (c *cache) linkFirst(e *entry) {
	e.previous, e.next = nil, c.first
	if c.first != nil {
		c.first.previous = e
	} else {
		c.last = e
	}
	c.first = e
}

func (c *cache) countGood() int {
	good := 0
	for e := c.first; e != nil; e = e.next {
		if e.item.numbers[valueLength-1] == e.key {
			good++
		}
	}
	return good
}

func (c *cache) bucketOf(key int64) uint64 {
	return uint64(key) * 0x9e3779b97f4a7c15 >> (64 - c.bucketBits)
}

// SplitMix64.
func (c *cache) random() uint64 {
	c.state += 0x9e3779b97f4a7c15
	mixed := c.state
	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb
	return mixed ^ (mixed >> 31)
}

func (r *recorder) use(c *cache, start, deadline time.Time) {
	r.sample(time.Now())
	for begin := time.Now(); begin.Before(deadline); {
		c.lookUp(lookUps)
		end := time.Now()
		r.add(start, begin, end)
		begin = end
	}
}

func (r *recorder) add(start, begin, end time.Time) {
	took := end.Sub(begin).Nanoseconds()
	r.counts[indexOf(took)]++
	if took > slowNs {
		r.addSlow(start, begin, end)
	} else if end.Sub(r.sampledAt).Nanoseconds() > sampleNs {
		r.sample(end)
	}
}

func (r *recorder) addSlow(start, begin, end time.Time) {
	before, passed := r.usage, end.Sub(r.sampledAt).Nanoseconds()
	r.sample(end)
	took := end.Sub(begin).Nanoseconds()
	off := passed - (r.usage.ran - before.ran)
	cause := ran
	if off >= took/2 {
		cause = preempted
		if r.usage.waits > before.waits {
			cause = waited
		}
	}
	r.causes[cause]++
	if cause != preempted && ms(took) > r.longestMs {
		r.longestMs = ms(took)
	}
	if len(r.slow) < mostListed {
		r.slow = append(r.slow, slow{ms(begin.Sub(start).Nanoseconds()), ms(took), cause})
	}
}

func (r *recorder) sample(now time.Time) {
	// The times of getrusage lag by up to a tick of the scheduler.
	var u syscall.Rusage
	var t syscall.Timespec
	syscall.Getrusage(usageOfThread, &u)
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockOfThread, uintptr(unsafe.Pointer(&t)), 0)
	r.usage = usage{t.Nano(), u.Nvcsw}
	r.sampledAt = now
}

func indexOf(nanoseconds int64) int {
	nanoseconds = min(nanoseconds, 1<<mostBits-1)
	shift := max(0, int64(bits.Len64(uint64(nanoseconds))-1-stepBits))
	return int(shift<<stepBits + nanoseconds>>shift)
}

// The runtime keeps the pauses of its last 256 collections. A collection pauses twice; it tells the sum.
func pausesSince(start, end time.Time) []pause {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	pauses := []pause{}
	for i, at := range stats.PauseEnd {
		if at.After(start) && at.Before(end) {
			took := stats.Pause[i].Nanoseconds()
			pauses = append(pauses, pause{ms(at.Sub(start).Nanoseconds() - took), ms(took)})
		}
	}
	return pauses
}

func ms(nanoseconds int64) float64 { return float64(nanoseconds) / 1e6 }

func max(one, other int64) int64 {
	if one > other {
		return one
	}
	return other
}

func min(one, other int64) int64 {
	if one < other {
		return one
	}
	return other
}

func number(index int) int {
	n, err := strconv.Atoi(os.Args[index])
	if err != nil {
		fail(err.Error())
	}
	return n
}
