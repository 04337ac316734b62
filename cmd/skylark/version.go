package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3". Without it the revision that the build recorded is shown.
var version = ""

// compatible is the release of Apache RocketMQ whose protocol and files this version follows.
const compatible = "5.5.0"

func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if revision == "" {
		return "devel"
	}
	return "devel-" + revision + dirty
}

func runVersion(c *call) error {
	fmt.Fprintf(c.stdout, "skylark %s, follows Apache RocketMQ %s (%s %s/%s)\n", versionText(), compatible, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
