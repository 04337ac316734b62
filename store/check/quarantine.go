package check

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/skylarkmq/skylark/message"
)

// A damaged part of the log is replaced by records, so that every reader, Java's
// recovery included, goes through it and finds what follows:
//
//	before  | good | #### damaged #### | good |
//	after   | good | stand-in | filler | good |      and a blank where the file ends
//
// A stand-in has topic, queue and offset of a message that was lost, because a
// queue has no holes: consumers get a message of zeros with the property below.
// Filler is of the transaction type "rollback", which neither broker puts into a
// queue or the index. The old bytes are in the kept folder.
const (
	// PropertyQuarantined tells consumers of a stand-in what it is; its value is where
	// the damage began. Where it has no room, that both hosts are 0.0.0.0:0 tells.
	PropertyQuarantined = "SKYLARK_QUARANTINED"
	fillerTopic         = "SKYLARK_QUARANTINE"
	// recordRoom is the least a record takes.
	recordRoom = message.MinSize + 1
	// fillerMax is how much one filler record covers.
	fillerMax = 1 << 20
)

var noHost = netip.AddrPortFrom(netip.AddrFrom4([4]byte{}), 0)

// style is what stand-ins carry beside topic, queue and offset.
type style struct {
	named  bool // PropertyQuarantined
	sealed bool // the sum over the record
}

// styles are those to try, the one that takes most room first.
func styles(sealed bool) []style {
	if !sealed {
		return []style{{named: true}, {}}
	}
	return []style{{true, true}, {false, true}, {false, false}}
}

// patch makes the records that cover a part of the log within one file.
type patch struct {
	from, to  int64
	endsFile  bool
	storeTime int64
	style     style
	write     func(at int64, rec []byte) error
}

// patches are the parts of a region, file by file.
func patches(g region, fileSize int64, s style) []patch {
	var list []patch
	for from := g.from; from < g.to; {
		end := from/fileSize*fileSize + fileSize
		to := min(g.to, end)
		list = append(list, patch{from: from, to: to, endsFile: to == end, storeTime: g.storeTime, style: s})
		from = to
	}
	return list
}

// fits says whether a region has room for stand-ins, without writing any.
func fits(g region, fileSize int64, s style, ids []identity) error {
	all := len(ids)
	for _, p := range patches(g, fileSize, s) {
		placed, left, end := p.place(ids)
		if len(placed) == 0 && !p.closes(p.to-end) {
			return fmt.Errorf("no record fits into [%d, %d)", p.from, p.to)
		}
		ids = left
	}
	if len(ids) > 0 {
		return fmt.Errorf("there is no room in [%d, %d) for records that stand for %d of its %d lost messages", g.from, g.to, len(ids), all)
	}
	return nil
}

// placed is where a stand-in goes.
type placed struct {
	identity
	at, size int64
}

// place lays stand-ins out; it returns the identities for which there was no room, and
// where the last one ends.
func (p *patch) place(ids []identity) (list []placed, left []identity, end int64) {
	end = p.from
	for ; len(ids) > 0; ids = ids[1:] {
		m := p.standIn(ids[0])
		rec, err := message.Encoding{LongTopics: true, PropertyCRC: p.style.sealed}.AppendRecord(nil, &m)
		size := int64(len(rec))
		left := p.to - end - size
		if err != nil || left < 0 {
			break
		}
		if !p.closes(left) {
			size += left // no other record fits behind it
		}
		list = append(list, placed{ids[0], end, size})
		end += size
	}
	return list, ids, end
}

// cover writes stand-ins, filler, and the blank; it returns the identities for
// which there was no room.
func (p *patch) cover(ids []identity) ([]identity, error) {
	list, left, end := p.place(ids)
	for _, s := range list {
		m := p.standIn(s.identity)
		if err := p.record(s.at, s.size, &m, s.offset); err != nil {
			return left, err
		}
	}
	return left, p.fill(end)
}

// closes says whether what is left of the part can be covered by itself.
func (p *patch) closes(left int64) bool {
	return left == 0 || left >= recordRoom || p.endsFile && left >= message.BlankSize
}

// fill covers the rest with filler, or a blank.
func (p *patch) fill(at int64) error {
	if p.endsFile && p.to-at >= message.BlankSize {
		rest := uint32(p.to - at)
		blank := []byte{byte(rest >> 24), byte(rest >> 16), byte(rest >> 8), byte(rest), 0xCB, 0xD4, 0x31, 0x94}
		return p.write(at, blank)
	}
	for at < p.to {
		left := p.to - at
		size := left
		if left > fillerMax+2*recordRoom {
			size = fillerMax
		}
		name := max(1, min(int64(len(fillerTopic)), left-message.MinSize))
		m := message.Message{Topic: fillerTopic[:name], SysFlag: message.FlagTransactionRollback, BornHost: noHost, StoreHost: noHost}
		if err := p.record(at, size, &m, 0); err != nil {
			return fmt.Errorf("nothing fits into [%d, %d): %w", at, p.to, err)
		}
		at += size
	}
	return nil
}

// standIn has an empty body.
func (p *patch) standIn(id identity) message.Message {
	m := message.Message{Topic: id.key.topic, QueueID: id.key.id, BornTimestamp: p.storeTime, BornHost: noHost, StoreHost: noHost}
	if p.style.named {
		m.Properties = message.AppendProperty(nil, PropertyQuarantined, strconv.FormatInt(p.from, 10))
	}
	return m
}

// record writes a message whose body of zeros makes it as long as wanted.
func (p *patch) record(at, size int64, m *message.Message, offset int64) error {
	enc := message.Encoding{LongTopics: true, PropertyCRC: p.style.sealed}
	m.Body = nil
	rec, err := enc.AppendRecord(nil, m)
	if err != nil {
		return err
	}
	if int64(len(rec)) > size && enc.PropertyCRC {
		enc.PropertyCRC = false
		rec, err = enc.AppendRecord(nil, m)
	}
	if int64(len(rec)) > size || err != nil {
		return fmt.Errorf("a record takes %d bytes, there are %d", len(rec), size)
	}
	m.Body = make([]byte, size-int64(len(rec)))
	if rec, err = enc.AppendRecord(nil, m); err != nil {
		return err
	}
	message.Patch(rec, message.StoreTimestampAt(rec), offset, at, p.storeTime)
	if enc.PropertyCRC {
		message.SealCRC(rec)
	}
	return p.write(at, rec)
}
