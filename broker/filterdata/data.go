// Package filterdata holds what consumer groups filter by other than tags: their
// compiled expressions, since when they have them, and consumerFilter.json.
//
// Its main type is Table. It starts no goroutine: heartbeats register, the end of
// a group unregisters, the broker saves.
package filterdata

import (
	"encoding/binary"

	"github.com/skylarkmq/skylark/filter"
)

// Data is what one group filters one topic by (Java's ConsumerFilterData). It is
// immutable: a change is another Data. It is a filter of the store.
type Data struct {
	BloomFilterData *filter.BloomData `json:"bloomFilterData,omitempty"`
	BornTime        int64             `json:"bornTime"`
	// ClientVersion is the version of the subscription it was made of.
	ClientVersion  int64  `json:"clientVersion"`
	ConsumerGroup  string `json:"consumerGroup"`
	Dead           bool   `json:"dead"` // written only
	DeadTime       int64  `json:"deadTime"`
	Expression     string `json:"expression"`
	ExpressionType string `json:"expressionType"`
	Topic          string `json:"topic"`

	compiled *filter.Expression
}

// Compiled is the expression.
func (d *Data) Compiled() *filter.Expression { return d.compiled }

// IsDead says whether no consumer of the group is there.
func (d *Data) IsDead() bool { return d.DeadTime >= d.BornTime }

// An extension unit of a consume queue, as far as it matters here; big-endian:
//
//	0        2            10                18           20
//	+--------+------------+-----------------+------------+---------+
//	| Size   | TagsCode   | StoreTimestamp  | BitMapSize | BitMap  |
//	+--------+------------+-----------------+------------+---------+
const (
	extTimestamp  = 10
	extBitMapSize = 18
	extBitMap     = 20
)

// MatchQueue asks the bit map of a message, if there is one and the group had this
// expression when the message came; otherwise the record has to decide.
func (d *Data) MatchQueue(_ int64, ext []byte) bool {
	if len(ext) <= extBitMap || d.BloomFilterData == nil || int64(binary.BigEndian.Uint64(ext[extTimestamp:])) <= d.BornTime {
		return true
	}
	size := int(binary.BigEndian.Uint16(ext[extBitMapSize:]))
	return size > len(ext)-extBitMap || d.BloomFilterData.Hit(ext[extBitMap:extBitMap+size])
}

// MatchRecord evaluates the expression over a record's properties.
func (d *Data) MatchRecord(rec []byte) bool { return d.compiled.MatchRecord(rec) }
