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

// patch makes the records that cover a part of the log within one file.
type patch struct {
	from, to  int64
	endsFile  bool
	storeTime int64
	sealed    bool
	write     func(at int64, rec []byte) error
}

// cover writes stand-ins, filler, and the blank; it returns the identities for
// which there was no room.
func (p *patch) cover(ids []identity) ([]identity, error) {
	at := p.from
	for len(ids) > 0 {
		m := p.standIn(ids[0])
		size, err := p.size(&m)
		left := p.to - at - size
		if err != nil || left < 0 {
			break
		}
		if !p.closes(left) {
			size += left // no other record fits behind it
		}
		if err := p.record(at, size, &m, ids[0].offset); err != nil {
			return ids, err
		}
		at, ids = at+size, ids[1:]
	}
	return ids, p.fill(at)
}

// closes says whether what is left of the part can be covered by itself.
func (p *patch) closes(left int64) bool {
	return left == 0 || left >= recordRoom+1 || p.endsFile && left >= message.BlankSize
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

func (p *patch) standIn(id identity) message.Message {
	return message.Message{
		Topic: id.key.topic, QueueID: id.key.id, BornTimestamp: p.storeTime, BornHost: noHost, StoreHost: noHost,
		Properties: message.AppendProperty(nil, PropertyQuarantined, strconv.FormatInt(p.from, 10)),
	}
}

// size is that of a message with an empty body. Where room is scarce it goes
// without the property.
func (p *patch) size(m *message.Message) (int64, error) {
	rec, err := message.Encoding{LongTopics: true, PropertyCRC: p.sealed}.AppendRecord(nil, m)
	if int64(len(rec)) > p.to-p.from {
		m.Properties = nil
		rec, err = message.Encoding{LongTopics: true, PropertyCRC: p.sealed}.AppendRecord(nil, m)
	}
	return int64(len(rec)), err
}

// record writes a message whose body of zeros makes it as long as wanted.
func (p *patch) record(at, size int64, m *message.Message, offset int64) error {
	enc := message.Encoding{LongTopics: true, PropertyCRC: p.sealed}
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
