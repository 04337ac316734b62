package body

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// RegisterBrokerBody is the body of REGISTER_BROKER: JSON, or with the header's compressed flag a zlib stream of
//
//	+----+-------------------+-----------+------------------------+----+---------------------+-----------+----------------------+
//	| n  | DataVersion, JSON | topics    | per topic: n, text     | n  | filter servers, JSON| mappings  | per mapping: n, JSON |
//	+----+-------------------+-----------+------------------------+----+---------------------+-----------+----------------------+
//
// where every count and length is an int32, the topic text that of TopicConfig.AppendText, and the mappings are there from version
// 5.0.0 on. Brokers before 3.0.11 send a TopicConfigAndMappingSerializeWrapper alone.
type RegisterBrokerBody struct {
	FilterServerList            []string                              `json:"filterServerList"`
	TopicConfigSerializeWrapper TopicConfigAndMappingSerializeWrapper `json:"topicConfigSerializeWrapper"`
}

const (
	// mappingsSince is the version (5.0.0) from which on the compressed form has mappings.
	mappingsSince = 413
	// bodySince is the version (3.0.11) from which on the body is a RegisterBrokerBody.
	bodySince = 37
	// maxInflated and maxRatio bound what a compressed registration may unfold to. Topic texts are alike and compress well,
	// 100:1 was seen with tens of thousands of topics.
	maxInflated = 32 << 20
	maxRatio    = 512
	minInflated = 1 << 20
)

// ErrInflated says that a compressed body unfolds to more than it may.
var ErrInflated = errors.New("compressed body unfolds to too much")

// DecodeRegisterBroker reads the body in the form that the sender's version and the header's compressed flag call for.
func DecodeRegisterBroker(data []byte, compressed bool, version int32) (*RegisterBrokerBody, error) {
	switch {
	case version < bodySince:
		w, err := Decode[TopicConfigAndMappingSerializeWrapper](data)
		if err != nil {
			return nil, err
		}
		return &RegisterBrokerBody{TopicConfigSerializeWrapper: *w}, nil
	case !compressed:
		return Decode[RegisterBrokerBody](data)
	}
	b, err := inflate(data, version)
	if err != nil {
		return nil, fmt.Errorf("compressed registration: %w", err)
	}
	return b, nil
}

func inflate(data []byte, version int32) (*RegisterBrokerBody, error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	limit := min(int64(maxInflated), max(minInflated, maxRatio*int64(len(data))))
	r := &registerReader{in: io.LimitedReader{R: z, N: limit}}
	b := &RegisterBrokerBody{}
	w := &b.TopicConfigSerializeWrapper
	r.json(&w.DataVersion)
	w.TopicConfigTable = map[string]TopicConfig{}
	for n := r.int(); n > 0 && r.err == nil; n-- {
		var c TopicConfig
		r.check(c.parseText(string(r.part())))
		w.TopicConfigTable[c.TopicName] = c
	}
	r.json(&b.FilterServerList)
	if version >= mappingsSince {
		w.TopicQueueMappingInfoMap = map[string]TopicQueueMappingInfo{}
		for n := r.int(); n > 0 && r.err == nil; n-- {
			var info TopicQueueMappingInfo
			info.SetDefaults()
			r.json(&info)
			w.TopicQueueMappingInfoMap[info.Topic] = info
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return b, nil
}

// registerReader reads parts until the first error, which it keeps.
type registerReader struct {
	in  io.LimitedReader
	err error
	buf bytes.Buffer
}

func (r *registerReader) check(err error) {
	if r.err == nil {
		r.err = err
	}
}

// int reads a count or a length; anything negative is an error.
func (r *registerReader) int() int64 {
	var b [4]byte
	if r.err != nil {
		return 0
	}
	if _, err := io.ReadFull(&r.in, b[:]); err != nil {
		r.err = r.short(err)
		return 0
	}
	n := int64(int32(binary.BigEndian.Uint32(b[:])))
	if n < 0 {
		r.err = fmt.Errorf("length %d, expected at least 0", n)
		return 0
	}
	return n
}

// part reads a length and so many bytes; memory grows with what arrives, not with what the length promises.
func (r *registerReader) part() []byte {
	n := r.int()
	r.buf.Reset()
	if r.err != nil {
		return nil
	}
	if n > r.in.N {
		r.err = fmt.Errorf("%w: a part of %d bytes, %d are allowed", ErrInflated, n, r.in.N)
		return nil
	}
	if _, err := io.CopyN(&r.buf, &r.in, n); err != nil {
		r.err = r.short(err)
		return nil
	}
	return r.buf.Bytes()
}

func (r *registerReader) json(v any) {
	if part := r.part(); r.err == nil {
		r.check(javajson.Unmarshal(part, v))
	}
}

// short tells an end caused by the limit from one of the data.
func (r *registerReader) short(err error) error {
	if r.in.N <= 0 {
		return ErrInflated
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// EncodeCompressed writes the compressed form. The mappings are always there: every peer it is sent to reads them, older ones stop before.
func (b *RegisterBrokerBody) EncodeCompressed() ([]byte, error) {
	w := &b.TopicConfigSerializeWrapper
	var out []byte
	var err error
	part := func(text []byte, e error) {
		if err == nil {
			err = e
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
		out = append(out, text...)
	}
	part(javajson.Marshal(w.DataVersion))
	out = binary.BigEndian.AppendUint32(out, uint32(len(w.TopicConfigTable)))
	for _, name := range slices.Sorted(maps.Keys(w.TopicConfigTable)) {
		c := w.TopicConfigTable[name]
		part(c.AppendText(nil))
	}
	servers := b.FilterServerList
	if servers == nil {
		servers = []string{}
	}
	part(javajson.Marshal(servers))
	out = binary.BigEndian.AppendUint32(out, uint32(len(w.TopicQueueMappingInfoMap)))
	for _, name := range slices.Sorted(maps.Keys(w.TopicQueueMappingInfoMap)) {
		part(javajson.Marshal(w.TopicQueueMappingInfoMap[name]))
	}
	if err != nil {
		return nil, fmt.Errorf("compressed registration: %w", err)
	}
	var zipped bytes.Buffer
	z, _ := zlib.NewWriterLevel(&zipped, zlib.BestCompression)
	if _, err := z.Write(out); err != nil {
		return nil, fmt.Errorf("compressed registration: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compressed registration: %w", err)
	}
	return zipped.Bytes(), nil
}
