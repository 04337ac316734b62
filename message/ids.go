package message

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

const upperHex = "0123456789ABCDEF"

func appendHex(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, upperHex[c>>4], upperHex[c&15])
	}
	return dst
}

// AppendOffsetMsgID writes the id that names a record by its place: upper-case
// hexadecimal of the address, the port as i32 and the physical offset.
func AppendOffsetMsgID(dst []byte, host netip.AddrPort, phy int64) []byte {
	return AppendOffset(AppendHostID(dst, host), phy)
}

// AppendHostID writes the part of such ids that all records of a broker have in common.
func AppendHostID(dst []byte, host netip.AddrPort) []byte {
	var id [hostV6]byte
	return appendHex(dst, appendHost(id[:0], host))
}

// AppendOffset writes the other part.
func AppendOffset(dst []byte, phy int64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(phy))
	return appendHex(dst, b[:])
}

// ParseOffsetMsgID reads such an id.
func ParseOffsetMsgID(id string) (host netip.AddrPort, phy int64, err error) {
	if n := len(id); n != 2*(hostV4+8) && n != 2*(hostV6+8) {
		return host, 0, fmt.Errorf("message: id of %d characters, want 32 or 56", n)
	}
	b, err := hex.DecodeString(id)
	if err != nil {
		return host, 0, fmt.Errorf("message: id: %w", err)
	}
	at := len(b) - 8
	if port := binary.BigEndian.Uint32(b[at-4:]); port > 65535 {
		return host, 0, fmt.Errorf("message: id with port %d", port)
	}
	return decodeHost(b[:at]), int64(binary.BigEndian.Uint64(b[at:])), nil
}

// UniqIDs makes ids as the Java client does, for messages that come without:
//
//	| IP (4 or 16) | pid (2) | instance (4) | ms since the month began (4) | counter (2) |
//
// in upper-case hexadecimal. Months begin in local time.
type UniqIDs struct {
	clk     clock.Clock
	prefix  []byte
	counter atomic.Uint32

	mu         sync.Mutex
	start, end int64 // this month in ms
}

// NewUniqIDs makes the generator of one process at one address.
func NewUniqIDs(clk clock.Clock, addr netip.Addr) *UniqIDs {
	var fixed []byte
	if addr = addr.Unmap(); addr.IsValid() {
		fixed = append(fixed, addr.AsSlice()...)
	} else {
		fixed = append(fixed, 127, 0, 0, 1)
	}
	fixed = binary.BigEndian.AppendUint16(fixed, uint16(os.Getpid()))
	fixed = binary.BigEndian.AppendUint32(fixed, rand.Uint32())
	return &UniqIDs{clk: clk, prefix: appendHex(nil, fixed)}
}

// Append writes a new id.
func (u *UniqIDs) Append(dst []byte) []byte {
	var b [6]byte
	binary.BigEndian.PutUint32(b[:], uint32(u.sinceMonth()))
	binary.BigEndian.PutUint16(b[4:], uint16(u.counter.Add(1)-1))
	return appendHex(append(dst, u.prefix...), b[:])
}

func (u *UniqIDs) sinceMonth() int64 {
	now := u.clk.NowMs()
	u.mu.Lock()
	defer u.mu.Unlock()
	if now < u.start || now >= u.end {
		t := time.UnixMilli(now)
		first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
		u.start, u.end = first.UnixMilli(), first.AddDate(0, 1, 0).UnixMilli()
	}
	return now - u.start
}
