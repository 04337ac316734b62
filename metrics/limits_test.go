package metrics

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFewScrapes(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	h := few(1, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release }))
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Code
	}
	first := make(chan int)
	go func() { first <- ask() }()
	<-entered
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Errorf("a second one: %d", got)
	}
	release <- struct{}{}
	if got := <-first; got != http.StatusOK {
		t.Errorf("the first one: %d", got)
	}
}

func TestFewConnections(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newFewListener(inner, 1)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	served := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a second one is served")
	}
	_ = served.Close()
	_ = served.Close() // gives one place back, not two
	dial()
	<-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a second one is served, later")
	}
	_ = inner.Close()
	<-accepted
}

// Histograms keep to the limit of label sets, as the SDK does with all others.
func TestHistogramsAreBounded(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Addr: "127.0.0.1:0", Cardinality: 3, Sources: Sources{Topics: func(yield func(Topic)) {
		for i := range 5 {
			topic := Topic{Name: fmt.Sprint("T", i)}
			topic.Latency.Buckets[0], topic.Latency.Sum = 2, 1
			yield(topic)
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	defer func() { cancel(); <-done }()
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + e.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() // read to its end
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), FinishLatency+"_count{"); n != 3 {
		t.Errorf("%d histograms:\n%s", n, text)
	}
	if !strings.Contains(string(text), `_count{otel_metric_overflow="true"} 6`) {
		t.Errorf("the others are not together:\n%s", text)
	}
}
