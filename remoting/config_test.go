package remoting

import (
	"testing"

	"github.com/skylarkmq/skylark/internal/config"
)

func TestConfigBinds(t *testing.T) {
	t.Parallel()
	server, client := config.NewSection(DefaultConfig()), config.NewSection(DefaultClientConfig())
	set := config.NewSet(server, client)
	if _, err := set.Apply(map[string]string{
		"listenPort": "10911", "serverChannelMaxIdleTimeSeconds": "5", "tls.server.mode": "enforcing", "tls.test.mode.enable": "false",
		"maxPendingBytes": "12345678901", "connectTimeoutMillis": "100", "serverSocketSndBufSize": "many",
	}, false); err != nil {
		t.Fatal(err)
	}
	got := server.Get()
	if got.ListenPort != 10911 || got.ServerChannelMaxIdleTimeSeconds != 5 || got.TLSServerMode != tlsEnforcing || got.TLSTestModeEnable ||
		got.MaxPendingBytes != 12345678901 || got.ServerSocketSndBufSize != 0 || client.Get().ConnectTimeoutMillis != 100 {
		t.Errorf("%+v, %+v", got, client.Get())
	}
}
