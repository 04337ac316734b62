package admin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// TestSilentClientDelaysNobody has operators ask a client that does not answer, more often than any lane has workers: what other
// clients and operators want meanwhile is answered at once.
func TestSilentClientDelaysNobody(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	c := b.online(513)
	c.mu.Lock()
	c.mute = true
	c.mu.Unlock()

	const asks = 8
	infos, statuses := make(chan *protocol.Command, asks), make(chan *protocol.Command, asks)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ask := func(answers chan<- *protocol.Command, request code.Request, ext ...string) {
		cmd := protocol.NewRequest(request, nil, nil)
		for i := 0; i < len(ext); i += 2 {
			cmd.Fields.Set(ext[i], ext[i+1])
		}
		reply, err := b.client.Call(ctx, b.Addr().String(), cmd)
		if err != nil {
			t.Error(err)
		}
		answers <- reply
	}
	for range asks {
		go ask(infos, code.GetConsumerRunningInfo, "consumerGroup", "g", "clientId", "cid")
		go ask(statuses, code.InvokeBrokerToGetConsumerStatus, "topic", "T", "group", "g")
	}
	for range asks {
		c.take(t, code.GetConsumerRunningInfo)
		c.take(t, code.GetConsumerStatusFromClient)
	}

	other := remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	defer other.Close()
	beat := []byte(`{"clientID":"new","consumerDataSet":[{"groupName":"another","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",` +
		`"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":1}]}]}`)
	if reply := b.callBy(other, code.HeartBeat, beat); reply.Response() != code.Success {
		t.Errorf("heartbeat: code %d, remark %q", reply.Code, reply.Remark)
	}
	b.must(code.GetTopicConfig, nil, "topic", "T")
	if n := len(infos); n != 0 { // these wait for 10 s, the others for 5
		t.Errorf("%d answers about a client that said nothing: the others waited for it", n)
	}

	c.close()
	for i := range 2 * asks {
		answers := infos
		if i >= asks {
			answers = statuses
		}
		reply := <-answers
		switch {
		case reply == nil:
		case reply.Response() == code.Success:
			if s := decode[body.GetConsumerStatusBody](t, reply); len(s.ConsumerTable) != 0 {
				t.Errorf("status %+v", s)
			}
		case !strings.HasPrefix(reply.Remark, "invoke consumer <g> <cid> Exception: "):
			t.Errorf("code %d, remark %q", reply.Code, reply.Remark)
		}
	}
}
