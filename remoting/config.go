package remoting

import (
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

// Config is what a server can be told. The first group has the names and defaults of NettyServerConfig, the second those of the
// Java system properties for TLS; the rest is ours.
type Config struct {
	// BindAddress is where the role that owns the server listens; Listen takes whole addresses.
	BindAddress string `conf:"bindAddress"`
	// ListenPort is the main port.
	ListenPort int `conf:"listenPort"`
	// ServerChannelMaxIdleTimeSeconds: a connection without a read and a write for so long is closed; 0 keeps it for ever.
	ServerChannelMaxIdleTimeSeconds int `conf:"serverChannelMaxIdleTimeSeconds"`
	// ServerSocketSndBufSize is SO_SNDBUF in bytes, 0 leaves it to the system.
	ServerSocketSndBufSize int `conf:"serverSocketSndBufSize"`
	// ServerSocketRcvBufSize is SO_RCVBUF in bytes, 0 leaves it to the system.
	ServerSocketRcvBufSize int `conf:"serverSocketRcvBufSize"`
	// EnableShutdownGracefully answers GO_AWAY while stopping, so that new clients move on, and waits for them to leave.
	EnableShutdownGracefully bool `conf:"enableShutdownGracefully"`
	// ShutdownWaitTimeSeconds bounds that wait.
	ShutdownWaitTimeSeconds int `conf:"shutdownWaitTimeSeconds"`

	// TLSServerMode is disabled, permissive (the first byte decides) or enforcing.
	TLSServerMode string `conf:"tls.server.mode"`
	// TLSTestModeEnable generates a self-signed certificate at start when no key is configured.
	TLSTestModeEnable bool `conf:"tls.test.mode.enable"`
	// TLSServerKeyPath is a PEM file with the private key (PKCS#8, PKCS#1 or EC; not encrypted).
	TLSServerKeyPath string `conf:"tls.server.keyPath"`
	// TLSServerKeyPassword is refused when set: encrypted keys are not supported.
	TLSServerKeyPassword string `conf:"tls.server.keyPassword"`
	// TLSServerCertPath is a PEM file with the certificate chain.
	TLSServerCertPath string `conf:"tls.server.certPath"`
	// TLSServerTrustCertPath is a PEM file with the certificates that sign clients.
	TLSServerTrustCertPath string `conf:"tls.server.trustCertPath"`
	// TLSServerNeedClientAuth is none, optional or require.
	TLSServerNeedClientAuth string `conf:"tls.server.need.client.auth"`
	// TLSServerAuthClient: verify the certificate a client shows; false accepts any.
	TLSServerAuthClient bool `conf:"tls.server.authClient"`

	// MaxConnections: more are accepted and closed at once. It is less where the limit of open files (ulimit -n) leaves less.
	MaxConnections int `conf:"maxConnections"`
	// MaxPendingBytesPerConnection: answers one client has not read yet; who passes it is closed. Its own requests stop far
	// below (the next setting), so only pushed and held answers come here.
	MaxPendingBytesPerConnection int64 `conf:"maxPendingBytesPerConnection"`
	// PausePendingBytesPerConnection: above it further requests of the client wait until it has read half of that.
	PausePendingBytesPerConnection int64 `conf:"pausePendingBytesPerConnection"`
	// MaxPendingBytes: the same over all connections; the one that owes most is closed first.
	MaxPendingBytes int64 `conf:"maxPendingBytes"`
	// MaxInFlightPerConnection: requests of one connection that wait on a lane or are held; more are answered SYSTEM_BUSY.
	MaxInFlightPerConnection int `conf:"maxInFlightPerConnection"`
	// MaxPartialBytes: unfinished frames over all connections; beyond it those are closed that have been unfinished for longest.
	MaxPartialBytes int64 `conf:"maxPartialBytes"`
	// MaxLaneBytes: copies of frames that wait on lanes; more are answered SYSTEM_BUSY.
	MaxLaneBytes int64 `conf:"maxLaneBytes"`
	// EventLoops: 0 means one on two cores or fewer, else one less than there are cores.
	EventLoops int `conf:"eventLoops"`

	// Lanes overrides DefaultLanes where a row has workers.
	Lanes [LaneCount]LaneConfig
	// Clock is clock.Real when nil.
	Clock clock.Clock
}

// DefaultConfig has Java's defaults.
func DefaultConfig() Config {
	return Config{
		BindAddress:                     "0.0.0.0",
		ServerChannelMaxIdleTimeSeconds: 120,
		ShutdownWaitTimeSeconds:         30,
		TLSServerMode:                   "permissive",
		TLSTestModeEnable:               true,
		TLSServerNeedClientAuth:         "none",
		MaxConnections:                  100_000,
		MaxPendingBytesPerConnection:    128 << 20,
		PausePendingBytesPerConnection:  16 << 20,
		MaxPendingBytes:                 1 << 30,
		MaxInFlightPerConnection:        65_536,
		MaxPartialBytes:                 512 << 20,
		MaxLaneBytes:                    256 << 20,
	}
}

const (
	readBufferSize   = 256 << 10 // 64 sends of 1 KiB with headers are 86 KiB: one read must hold them
	maxBatch         = 256       // requests decoded before they are handled; more of one read follow in the next round
	flushAt          = 1 << 20   // answers of one turn that leave before it ends
	keepBuffer       = 256 << 10 // larger reply buffers are not kept between turns
	drainTime        = 3 * time.Second
	handshakeTimeout = 10 * time.Second // netty's SslHandler
	idleCheck        = time.Second
)
