// What both programs ask of their process.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// Zero where there is no /proc.
func memory(key string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range bytes.Split(status, []byte("\n")) {
		fields := bytes.Fields(line)
		if len(fields) > 1 && string(fields[0]) == key {
			kibibytes, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return kibibytes * 1024
		}
	}
	return 0
}
