package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/message"
)

// RuntimeInfo is the part of getBrokerRuntimeInfo that the store knows.
func (s *Store) RuntimeInfo() map[string]string {
	st := &s.stats
	puts := st.puts.Load()
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	info := map[string]string{
		"bootTimestamp":            number(s.opened.UnixMilli()),
		"runtime":                  uptime(s.clk.Now().Sub(s.opened)),
		"putMessageEntireTimeMax":  number(st.putMaxMs.Load()),
		"putMessageTimesTotal":     number(max(puts, 1)),
		"putMessageFailedTimes":    number(st.putFailed.Load()),
		"putMessageSizeTotal":      number(st.putBytes.Load()),
		"putMessageDistributeTime": st.putDistribution(),
		"putLatency99":             st.putLatency(0.99),
		"putLatency999":            st.putLatency(0.999),
		"putMessageAverageSize":    strconv.FormatFloat(float64(st.putBytes.Load())/float64(max(puts, 1)), 'f', -1, 64),
		"dispatchMaxBuffer":        "0",
		"getMessageEntireTimeMax":  number(st.getMaxMs.Load()),
		"putTps":                   st.rate(func(x sample) int64 { return x.puts }),
		"getFoundTps":              st.rate(func(x sample) int64 { return x.found }),
		"getMissTps":               st.rate(func(x sample) int64 { return x.miss }),
		"getTotalTps":              st.rate(func(x sample) int64 { return x.found + x.miss }),
		"getTransferredTps":        st.rate(func(x sample) int64 { return x.transferred }),
		"commitLogMinOffset":       number(s.MinPhyOffset()),
		"commitLogMaxOffset":       number(s.MaxPhyOffset()),
		"dispatchBehindBytes":      number(s.DispatchBehindBytes()),
		"pageCacheLockTimeMills":   number(s.lockTimeMs()),
		"earliestMessageTimeStamp": number(s.EarliestStoreTime()),
		"remainHowManyDataToFlush": humanSize(max(0, s.commitLog.Written()-s.commitLog.Flushed())),
	}
	s.diskInfo(info)
	return info
}

func (s *Store) diskInfo(info map[string]string) {
	lowest := -1.0
	for _, path := range s.logPaths() {
		u, err := s.fs.Usage(s.existing(path))
		if err != nil {
			continue
		}
		info["commitLogDiskRatio_"+path] = ratio(u.Ratio())
		if lowest < 0 || u.Ratio() < lowest {
			lowest = u.Ratio()
			info["commitLogDirCapacity"] = fmt.Sprintf("Total : %s, Free : %s.", humanSize(int64(u.Total)), humanSize(int64(u.Free)))
		}
	}
	info["commitLogDiskRatio"] = ratio(lowest)
	if u, err := s.fs.Usage(s.root); err == nil {
		info["consumeQueueDiskRatio"] = ratio(u.Ratio())
	}
}

func ratio(r float64) string {
	text := strconv.FormatFloat(r, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0" // Double.toString
	}
	return text
}

// EarliestStoreTime is the store time of the oldest record, -1 without one. The record may be damaged, or in no queue any more.
func (s *Store) EarliestStoreTime() int64 {
	files := s.commitLog.Files()
	if len(files) == 0 {
		return -1
	}
	head, err := s.commitLog.Read(files[0].Start, headSize, nil, false)
	if err != nil {
		return -1
	}
	if _, err := message.Size(head); err != nil {
		return -1
	}
	return storeTimestamp(head)
}

func uptime(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("[ %d days, %d hours, %d minutes, %d seconds ]", s/86400, s/3600%24, s/60%60, s%60)
}

// humanSize is Java's UtilAll.humanReadableByteCount with powers of 1024.
func humanSize(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	div, exp := int64(unit), 0
	for m := n / unit; m >= unit; m /= unit {
		div *= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", float64(n)/float64(div), "KMGTPE"[exp])
}
