package store

import "fmt"

// FlushDiskType says when a send is answered: before or after the disk has it.
type FlushDiskType string

// The two flush types, by their names in configuration files.
const (
	AsyncFlush FlushDiskType = "ASYNC_FLUSH"
	SyncFlush  FlushDiskType = "SYNC_FLUSH"
)

// UnmarshalText refuses names the Java enum does not have.
func (t *FlushDiskType) UnmarshalText(text []byte) error {
	switch v := FlushDiskType(text); v {
	case AsyncFlush, SyncFlush:
		*t = v
		return nil
	default:
		return fmt.Errorf("store: flushDiskType %q: want ASYNC_FLUSH or SYNC_FLUSH", text)
	}
}

// MarshalText is the name in configuration files.
func (t FlushDiskType) MarshalText() ([]byte, error) { return []byte(t), nil }

// BrokerRole is the place of this store in a replicated group.
type BrokerRole string

// The roles, by their names in configuration files.
const (
	AsyncMaster BrokerRole = "ASYNC_MASTER"
	SyncMaster  BrokerRole = "SYNC_MASTER"
	Slave       BrokerRole = "SLAVE"
)

// UnmarshalText refuses names the Java enum does not have.
func (r *BrokerRole) UnmarshalText(text []byte) error {
	switch v := BrokerRole(text); v {
	case AsyncMaster, SyncMaster, Slave:
		*r = v
		return nil
	default:
		return fmt.Errorf("store: brokerRole %q: want ASYNC_MASTER, SYNC_MASTER or SLAVE", text)
	}
}

// MarshalText is the name in configuration files.
func (r BrokerRole) MarshalText() ([]byte, error) { return []byte(r), nil }
