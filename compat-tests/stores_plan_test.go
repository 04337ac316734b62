package compat_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// Request codes that fill a store.
const (
	codeSend         = 10
	codePull         = 11
	codeQueryOffset  = 14
	codeUpdateOffset = 15
	codeUpdateTopic  = 17
	codeSendBack     = 36
	codeEndTx        = 37
	codeUpdateGroup  = 200
	codeSendBatch    = 320
)

// System flags of a send, and what END_TRANSACTION says.
const (
	flagPrepared = 4
	txCommit     = 8
	txRollback   = 12
)

const storesGroup = "StoresGroup"

var (
	storesTopics = []string{"Plain", "Tags", "Keys", "Batch", "Delay", "Tx"}
	queuesOf     = 3
)

// storeSettings are those of the store with a seed. Files are small, so that there are many.
func storeSettings(seed uint64, version string) map[string]string {
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(list ...int) string { return strconv.Itoa(list[r.IntN(len(list))]) }
	s := map[string]string{
		"mappedFileSizeCommitLog":    pick(32<<10, 64<<10, 256<<10, 1<<20),
		"mappedFileSizeConsumeQueue": pick(20*16, 20*50, 20*300, 20*1000),
		"maxHashSlotNum":             pick(64, 500),
		"maxIndexNum":                pick(128, 1000, 4000),
		"messageDelayLevel":          "1s 2s 1h",
		"flushDiskType":              []string{"ASYNC_FLUSH", "SYNC_FLUSH"}[r.IntN(2)],
		// The wheel is 38 MB a store, and timers are not among the kinds.
		"timerWheelEnable": "false",
		// Nobody listens: a check would only wait.
		"transactionTimeOut": "3600000",
	}
	if r.IntN(6) == 0 {
		s["enableConsumeQueueExt"], s["mappedFileSizeConsumeQueueExt"] = "true", "65536"
	}
	if version == "" && r.IntN(4) == 0 {
		s["enabledAppendPropCRC"] = "true"
	}
	return s
}

// filler sends the messages of a seed to a broker, one request after the other.
type filler struct {
	conn *harness.Conn
	rnd  *rand.Rand
	life int // which filling of the store this is
	sent int
	*ledger
}

// fill connects to a broker and carries the plan of a seed out; then it calls planned, and goes on with plain messages
// until the broker is gone, if the plan ends with a kill.
func fill(addr string, seed uint64, life int, l *ledger, killed bool, planned func()) error {
	conn, err := harness.Dial(addr)
	if err != nil {
		planned()
		return err
	}
	defer conn.Close()
	f := &filler{conn: conn, rnd: rand.New(rand.NewPCG(seed, uint64(life))), life: life, ledger: l}
	err = f.plan()
	planned()
	for err == nil && killed {
		if f.plain("Plain") != nil {
			return nil // as planned
		}
	}
	return err
}

func (f *filler) plan() error {
	if f.life == 1 {
		for _, topic := range storesTopics {
			if _, err := f.call(codeUpdateTopic, map[string]string{
				"topic": topic, "defaultTopic": "TBW102", "readQueueNums": strconv.Itoa(queuesOf), "writeQueueNums": strconv.Itoa(queuesOf),
				"perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
			}, nil); err != nil {
				return err
			}
		}
		if _, err := f.call(codeUpdateGroup, nil, []byte(`{"groupName":"`+storesGroup+`","retryQueueNums":1}`)); err != nil {
			return err
		}
	}
	for range 40 + f.rnd.IntN(160) {
		if err := f.step(); err != nil {
			return err
		}
	}
	return nil
}

// step does one random thing.
func (f *filler) step() error {
	switch n := f.rnd.IntN(100); {
	case n < 25:
		return f.plain("Plain")
	case n < 40:
		return f.plain("Tags", "TAGS", pickOf(f.rnd, "A", "B", "AaAaAa", "BBBBBB", "Grün"))
	case n < 55:
		return f.plain("Keys", "KEYS", fmt.Sprintf("order-%d user-%d", f.sent, f.rnd.IntN(9)))
	case n < 65:
		return f.batch()
	case n < 73:
		return f.delayed()
	case n < 83:
		return f.transaction()
	case n < 92:
		return f.sendBack()
	}
	return f.commit()
}

func (f *filler) call(code int, fields map[string]string, body []byte) (*harness.Command, error) {
	reply, err := f.conn.Call(code, fields, body)
	if err != nil {
		return nil, err
	}
	if reply.Code != 0 {
		return nil, fmt.Errorf("request %d %v: code %d: %s", code, fields, reply.Code, reply.Remark)
	}
	return reply, nil
}

// send returns where the message is in the log.
func (f *filler) send(topic string, sysFlag int, body []byte, props ...string) (placed, error) {
	p := placed{topic: topic, queue: f.rnd.IntN(queuesOf), body: sum(body)}
	f.sent++
	unique := fmt.Sprintf("U%d-%d-%d", f.life, f.sent, f.rnd.Uint32())
	reply, err := f.call(codeSend, map[string]string{
		"producerGroup": "StoresProducer", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
		"queueId": strconv.Itoa(p.queue), "sysFlag": strconv.Itoa(sysFlag), "bornTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10),
		"flag": strconv.Itoa(f.rnd.IntN(9)), "properties": properties(append(props, "UNIQ_KEY", unique)...), "reconsumeTimes": "0", "unitMode": "false", "batch": "false",
	}, body)
	if err != nil {
		return p, err
	}
	return p, p.at(reply, 0)
}

func (f *filler) plain(topic string, props ...string) error {
	if f.rnd.IntN(3) == 0 {
		props = append(props, "user property", strconv.Itoa(f.rnd.IntN(1000)))
	}
	p, err := f.send(topic, 0, f.body(), props...)
	if err == nil {
		f.messages = append(f.messages, p)
	}
	return err
}

func (f *filler) body() []byte {
	body := make([]byte, 1+f.rnd.IntN(1+f.rnd.IntN(3000)))
	for i := range body {
		body[i] = byte(f.rnd.Uint32())
	}
	return body
}

// batch sends several messages as one request: i32 total, i32 magic, i32 crc, i32 flag, i32 length, body, i16 length,
// properties.
func (f *filler) batch() error {
	queue, count := f.rnd.IntN(queuesOf), 1+f.rnd.IntN(8)
	var all []byte
	var list []placed
	for n := range count {
		body := f.body()
		f.sent++
		props := properties("TAGS", "batch", "UNIQ_KEY", fmt.Sprintf("U%d-%d-%d", f.life, f.sent, n))
		for _, v := range []int{22 + len(body) + len(props), 0, 0, n, len(body)} {
			all = binary.BigEndian.AppendUint32(all, uint32(v))
		}
		all = append(binary.BigEndian.AppendUint16(append(all, body...), uint16(len(props))), props...)
		list = append(list, placed{topic: "Batch", queue: queue, body: sum(body)})
	}
	reply, err := f.call(codeSendBatch, map[string]string{
		"a": "StoresProducer", "b": "Batch", "c": "TBW102", "d": "4", "e": strconv.Itoa(queue), "f": "0",
		"g": strconv.FormatInt(time.Now().UnixMilli(), 10), "h": "0", "i": "", "j": "0", "k": "false", "m": "true",
	}, all)
	if err != nil {
		return err
	}
	for n := range list {
		if err := list[n].at(reply, n); err != nil {
			return err
		}
	}
	f.messages = append(f.messages, list...)
	return nil
}

// delayed messages are first in the queue of their level: a second, two, or an hour.
func (f *filler) delayed() error {
	p, err := f.send("Delay", 0, f.body(), "DELAY", strconv.Itoa(1+f.rnd.IntN(3)))
	if err == nil {
		f.hidden = append(f.hidden, p)
	}
	return err
}

// transaction leaves a half message that is committed, rolled back, or open.
func (f *filler) transaction() error {
	p, err := f.send("Tx", flagPrepared, f.body(), "TRAN_MSG", "true", "PGROUP", "StoresProducer")
	if err != nil {
		return err
	}
	f.hidden = append(f.hidden, p)
	decision := []int{txCommit, txCommit, txRollback, 0}[f.rnd.IntN(4)]
	if decision == 0 {
		return nil
	}
	if _, err = f.call(codeEndTx, map[string]string{
		"producerGroup": "StoresProducer", "tranStateTableOffset": strconv.FormatInt(p.offset, 10), "commitLogOffset": strconv.FormatInt(p.phy, 10),
		"commitOrRollback": strconv.Itoa(decision), "fromTransactionCheck": "false", "msgId": p.id, "transactionId": p.id,
	}, nil); err != nil {
		return err
	}
	if decision == txCommit {
		f.arrived = append(f.arrived, placed{topic: "Tx", body: p.body})
	} else {
		f.never = append(f.never, placed{topic: "Tx", body: p.body})
	}
	return nil
}

// sendBack gives a message back: to come again in a second, or to the dead letters.
func (f *filler) sendBack() error {
	if len(f.messages) == 0 {
		return nil
	}
	p := f.messages[f.rnd.IntN(len(f.messages))]
	level := []int{1, 3, -1}[f.rnd.IntN(3)]
	if _, err := f.call(codeSendBack, map[string]string{
		"offset": strconv.FormatInt(p.phy, 10), "group": storesGroup, "delayLevel": strconv.Itoa(level), "originMsgId": p.id,
		"originTopic": p.topic, "unitMode": "false", "maxReconsumeTimes": "16",
	}, nil); err != nil {
		return err
	}
	if level < 0 {
		f.arrived = append(f.arrived, placed{topic: "%DLQ%" + storesGroup, body: p.body})
	}
	return nil
}

// commit moves a consumer on.
func (f *filler) commit() error {
	if len(f.messages) == 0 {
		return nil
	}
	p := f.messages[f.rnd.IntN(len(f.messages))]
	if _, err := f.call(codeUpdateOffset, map[string]string{
		"consumerGroup": storesGroup, "topic": p.topic, "queueId": strconv.Itoa(p.queue), "commitOffset": strconv.FormatInt(p.offset, 10),
	}, nil); err != nil {
		return err
	}
	f.progress[fmt.Sprintf("%s@%s\t%d", p.topic, storesGroup, p.queue)] = p.offset
	return nil
}

func pickOf(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func properties(pairs ...string) string {
	var text strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		text.WriteString(pairs[i] + "\x01" + pairs[i+1] + "\x02")
	}
	return text.String()
}
