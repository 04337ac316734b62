package check

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
)

// Start is what would happen if a broker started on a directory now.
type Start struct {
	Broker    string           `json:"broker"`
	Refuses   bool             `json:"refuses"`
	Obstacles []store.Obstacle `json:"obstacles"`
}

// Takeover says what would happen when this broker, and when a Java broker, starts
// in a directory. For the second it checks the whole store.
func Takeover(ctx context.Context, opt Options) ([]Start, error) {
	r, err := Run(ctx, opt)
	if err != nil {
		return nil, err
	}
	disk := opt.FS
	if disk == nil {
		disk = vfs.ReadOnly
	}
	found, err := store.Takeover(disk, opt.Config)
	if err != nil {
		return nil, err
	}
	ours := Start{Broker: "skylark", Obstacles: append(slices.Clone(opt.Settings), found...)}
	java := Start{Broker: "java", Obstacles: []store.Obstacle{}}
	if r.InUse {
		o := store.Obstacle{Stops: true, File: filepath.Join(r.Root, "lock"), What: "a broker is running here", WayOut: "stop it first; a clean stop takes " + filepath.Join(r.Root, "abort") + " away"}
		ours.Obstacles, java.Obstacles = append(ours.Obstacles, o), append(java.Obstacles, o)
	}
	for _, p := range r.Problems {
		ours.Obstacles = appendSome(ours.Obstacles, oursMeets(r, p))
		java.Obstacles = appendSome(java.Obstacles, javaMeets(r, p))
	}
	if r.Log.Quarantined > 0 {
		java.Obstacles = append(java.Obstacles, store.Obstacle{
			File: filepath.Join(r.Root, "commitlog"), WayOut: "nothing to do",
			What: fmt.Sprintf("%d records stand for lost messages; they have the property %s", r.Log.Quarantined, PropertyQuarantined),
		})
	}
	for _, s := range []*Start{&ours, &java} {
		s.Refuses = slices.ContainsFunc(s.Obstacles, func(o store.Obstacle) bool { return o.Stops })
	}
	return []Start{ours, java}, nil
}

func appendSome(list []store.Obstacle, o *store.Obstacle) []store.Obstacle {
	if o == nil {
		return list
	}
	return append(list, *o)
}

const repairFirst = "skylark store repair shows what it would do, and does it with --write"

// oursMeets is what a problem means for a start of this broker.
func oursMeets(_ *Report, p Problem) *store.Obstacle {
	o := &store.Obstacle{File: p.File, What: p.What, WayOut: cmp.Or(p.wayOut, repairFirst)}
	switch p.Kind {
	case BadSize, BadName:
		if o.Stops = p.Severity == Error; p.starts != nil {
			o.Stops = !p.starts.ours
		}
	case UncleanStop:
		o.WayOut = "nothing to do: recovery reads the log from where the checkpoint is sure"
	case LogDamage, LogGap, QueueGap, UnitMissing, UnitWrong, StateDamage, OffsetBeyond:
		if p.Severity == Note {
			return nil
		}
	default:
		return nil
	}
	return o
}

// javaMeets is the same for a Java broker.
func javaMeets(r *Report, p Problem) *store.Obstacle {
	o := &store.Obstacle{File: p.File, What: p.What, WayOut: cmp.Or(p.wayOut, repairFirst)}
	switch {
	case p.Kind == BadSize || p.Kind == BadName:
		if o.Stops = p.Severity == Error; p.starts != nil {
			o.Stops = !p.starts.java
		}
	case p.Kind == LogDamage && p.Severity == Error && r.Unclean:
		o.What += fmt.Sprintf("; recovery may cut off the %d bytes behind it", r.Log.End-p.At)
	case p.Kind == LogGap:
		o.What += "; recovery ends in front of it"
	case p.Kind == UncleanStop:
		o.WayOut = "let this broker start and stop once: its recovery also keeps keys that Java deletes with the newest index file"
	case p.Severity == Note || p.Kind == KeyMissing || p.Kind == KeyStray:
		return nil
	}
	return o
}
