// Package message is the message model: what a producer hands in (Message), what
// the commit log holds (View, Decode), its properties, system flags, hashes and
// ids. There is one encoder and one decoder of the stored layout, here.
package message

import "net/netip"

// Message is a message on its way into the store. Its slices are borrowed for
// the call it is passed to.
type Message struct {
	Topic                     string
	QueueID, Flag, SysFlag    int32
	BornTimestamp             int64
	BornHost, StoreHost       netip.AddrPort
	ReconsumeTimes            int32
	PreparedTransactionOffset int64
	// Body is nil when there is none; the store refuses that, and takes an empty one.
	Body, Properties []byte
	// BodyCRC is the sum of Body if Summed: a copy of a record keeps the one it had.
	BodyCRC int32
	Summed  bool
	// Facts, unless nil, are what Properties say, from somebody who has just read them.
	Facts *Facts
}

// View is a stored record, decoded without copying: its slices point into the record.
type View struct {
	Size                      int32
	Magic                     uint32
	BodyCRC                   int32
	QueueID, Flag, SysFlag    int32
	QueueOffset, PhyOffset    int64
	BornTimestamp             int64
	BornHost                  netip.AddrPort
	StoreTimestamp            int64
	StoreHost                 netip.AddrPort
	ReconsumeTimes            int32
	PreparedTransactionOffset int64
	Body, Topic, Properties   []byte
}

// System flags.
const (
	FlagCompressed          = 0x1
	FlagMultiTags           = 0x2
	FlagTransactionPrepared = 0x4
	FlagTransactionCommit   = 0x8
	FlagTransactionRollback = 0xC
	FlagTransactionMask     = 0xC
	FlagBornHostV6          = 0x10
	FlagStoreHostV6         = 0x20
	FlagNeedUnwrap          = 0x40
	FlagInnerBatch          = 0x80
	FlagCompressionMask     = 0x700
	FlagCompressionLZ4      = 0x100
	FlagCompressionZSTD     = 0x200
	FlagCompressionZLIB     = 0x300
)

// Indexed says whether records with these flags have a place in a consume queue:
// those of no transaction and committed ones. Prepared and rolled back ones were
// written by very old brokers only; their queue offset is 0.
func Indexed(sysFlag int32) bool {
	t := sysFlag & FlagTransactionMask
	return t == 0 || t == FlagTransactionCommit
}

// SafeTopic says whether a topic may become the name of a directory: what is read
// from a log or from a peer never climbs out of the store. The rules for topics
// that users may create are stricter, and the broker's.
func SafeTopic[T ~string | ~[]byte](topic T) bool {
	if len(topic) == 0 || len(topic) > 255 || (topic[0] == '.' && (len(topic) == 1 || len(topic) == 2 && topic[1] == '.')) {
		return false
	}
	for i := range len(topic) {
		if c := topic[i]; c == '/' || c == '\\' || c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
