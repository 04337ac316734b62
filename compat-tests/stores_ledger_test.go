package compat_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// placed is a message and where a broker said that it is.
type placed struct {
	topic  string
	queue  int
	offset int64
	phy    int64
	id     string
	body   string // its sum
}

// at reads the place from the reply to a send: of the nth message of a batch.
func (p *placed) at(reply *harness.Command, nth int) error {
	ids := strings.Split(reply.ExtFields["msgId"], ",")
	offset, err := strconv.ParseInt(reply.ExtFields["queueOffset"], 10, 64)
	if err != nil || nth >= len(ids) || len(ids[nth]) < 16 {
		return fmt.Errorf("a reply without a place: %v", reply.ExtFields)
	}
	// The id ends with the place in the log, 8 bytes.
	p.id = ids[nth]
	p.offset = offset + int64(nth)
	phy, err := strconv.ParseUint(p.id[len(p.id)-16:], 16, 64)
	p.phy = int64(phy)
	return err
}

// ledger is what was acknowledged, in all lives of a store.
type ledger struct {
	messages []placed         // at their place in their queue
	hidden   []placed         // at their place in the log, in a queue of the broker's own
	arrived  []placed         // somewhere in their topic
	never    []placed         // not in their topic
	progress map[string]int64 // topic@group, tab, queue
}

// progressLeft forgets commits that a kill has taken.
func (g *ledger) progressLeft(found *listing) {
	for key := range g.progress {
		if at, ok := found.done[key]; ok {
			g.progress[key] = at
		} else {
			delete(g.progress, key)
		}
	}
}

// listing is what a store has: see compat-tests/java/stores.
type listing struct {
	lines []string // sorted, without those about keys
	nokey []string
	at    map[int64][]string   // words of a message line by its place in the log
	in    map[[2]string]int    // how many messages with that topic and body
	queue map[[3]string]string // topic, queue, offset → sum of the record
	max   map[[2]string]int64  // topic, queue → max offset
	low   map[[2]string]int64  // and min
	done  map[string]int64     // topic@group, tab, queue → position
}

func readListing(path string) (*listing, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l := &listing{at: map[int64][]string{}, in: map[[2]string]int{}, queue: map[[3]string]string{}, max: map[[2]string]int64{}, low: map[[2]string]int64{}, done: map[string]int64{}}
	number := func(word string) int64 {
		n, err2 := strconv.ParseInt(word, 10, 64)
		err = errors.Join(err, err2)
		return n
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		w := strings.Split(line, "\t")
		if w[0] == "nokey" {
			l.nokey = append(l.nokey, line)
			continue
		}
		l.lines = append(l.lines, line)
		switch {
		case w[0] == "queue":
			l.low[[2]string{w[1], w[2]}], l.max[[2]string{w[1], w[2]}] = number(w[3]), number(w[4])
		case w[0] == "offset":
			l.done[w[1]+"\t"+w[2]] = number(w[3])
		case w[0] == "message" && len(w) == 12:
			l.at[number(w[4])] = w
			l.in[[2]string{w[1], w[10]}]++
			l.queue[[3]string{w[1], w[2], w[3]}] = w[11]
		case w[0] != "log":
			err = errors.Join(err, fmt.Errorf("%s: line %q", path, line))
		}
	}
	slices.Sort(l.lines)
	return l, err
}

// oldDelays takes the times of delivery out: recovery of a 4.x broker reads its delay levels only afterwards, and writes
// the code of the tags instead of the time. Ours writes the time.
func (l *listing) oldDelays() {
	for i, line := range l.lines {
		if w := strings.Split(line, "\t"); w[0] == "message" && w[1] == "SCHEDULE_TOPIC_XXXX" {
			w[6] = "-"
			l.lines[i] = strings.Join(w, "\t")
		}
	}
	slices.Sort(l.lines)
}

// compare lists lines that only one of two listings has.
func (l *listing) compare(other *listing) error {
	var differ []string
	a, b := l.lines, other.lines
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			differ = append(differ, "- "+a[0])
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			differ = append(differ, "+ "+b[0])
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	if len(differ) == 0 {
		return nil
	}
	return fmt.Errorf("%d lines differ (- Java, + ours):\n%s", len(differ), strings.Join(differ[:min(len(differ), 12)], "\n"))
}

// check compares the ledger with what is there.
func (g *ledger) check(l *listing, clean bool) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, p := range g.messages {
		w := l.at[p.phy]
		if w == nil || w[1] != p.topic || w[2] != strconv.Itoa(p.queue) || w[3] != strconv.FormatInt(p.offset, 10) || w[10] != p.body {
			say("acknowledged %+v, there is %q", p, w)
		}
	}
	for _, p := range g.hidden {
		if w := l.at[p.phy]; w == nil || w[10] != p.body {
			say("acknowledged %+v, there is %q", p, w)
		}
	}
	for _, p := range g.arrived {
		if l.in[[2]string{p.topic, p.body}] == 0 {
			say("nothing in %s with the body %s", p.topic, p.body)
		}
	}
	for _, p := range g.never {
		if l.in[[2]string{p.topic, p.body}] > 0 {
			say("rolled back, and in %s: %s", p.topic, p.body)
		}
	}
	for key, at := range g.progress {
		// A kill may take the commits of the last seconds.
		if got, ok := l.done[key]; clean && got != at || ok && got < 0 {
			say("%s is at %d, committed was %d", key, got, at)
		}
	}
	if clean && len(l.nokey) > 0 {
		say("%d messages are not found by their key: %q", len(l.nokey), l.nokey[0])
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d of the ledger are wrong:\n%s", len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
}

// served asks a running broker for everything that a listing has of the topics of the test, and for the positions.
func (l *listing) served(addr string) error {
	conn, err := harness.Dial(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	for key, high := range l.max {
		if !slices.Contains(storesTopics, key[0]) && !strings.HasPrefix(key[0], "%RETRY%") {
			continue
		}
		for at := l.low[key]; at < high; {
			records, err := pullRecords(conn, key[0], key[1], at)
			if err != nil {
				return err
			}
			for _, rec := range records {
				if want := l.queue[[3]string{key[0], key[1], strconv.FormatInt(at, 10)}]; sum(rec) != want {
					return fmt.Errorf("%s queue %s offset %d: the record served is %s, the listing has %s", key[0], key[1], at, sum(rec), want)
				}
				if at++; at == high {
					break // what follows is newer than the listing
				}
			}
		}
	}
	for key, at := range l.done {
		name, queue, _ := strings.Cut(key, "\t")
		topic, group, _ := strings.Cut(name, "@")
		if group != storesGroup {
			continue
		}
		reply, err := conn.Call(codeQueryOffset, map[string]string{"consumerGroup": group, "topic": topic, "queueId": queue}, nil)
		if err != nil {
			return err
		}
		if reply.Code != 0 || reply.ExtFields["offset"] != strconv.FormatInt(at, 10) {
			return fmt.Errorf("position of %s queue %s: %v %s, want %d", name, queue, reply.ExtFields, reply.Remark, at)
		}
	}
	return nil
}

func pullRecords(conn *harness.Conn, topic, queue string, at int64) ([][]byte, error) {
	reply, err := conn.Call(codePull, map[string]string{
		"consumerGroup": storesGroup, "topic": topic, "queueId": queue, "queueOffset": strconv.FormatInt(at, 10), "maxMsgNums": "32",
		"sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0", "expressionType": "TAG",
	}, nil)
	if err != nil {
		return nil, err
	}
	if reply.Code != 0 {
		return nil, fmt.Errorf("pull of %s queue %s at %d: code %d: %s", topic, queue, at, reply.Code, reply.Remark)
	}
	var list [][]byte
	for body := reply.Body; len(body) > 0; {
		size := int(binary.BigEndian.Uint32(body))
		if size < 4 || size > len(body) {
			return nil, fmt.Errorf("pull of %s queue %s at %d: a record of %d bytes, %d are left", topic, queue, at, size, len(body))
		}
		list, body = append(list, body[:size]), body[size:]
	}
	return list, nil
}

// sum is the beginning of the SHA-256 in hex, as the listings have it.
func sum(data []byte) string {
	all := sha256.Sum256(data)
	return hex.EncodeToString(all[:8])
}
