package admin

import (
	"fmt"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const (
	statusTime   = 5 * time.Second
	version3_0_7 = 28 // V3_0_7_SNAPSHOT: knows 220 and 221
)

// getConsumerStatus answers INVOKE_BROKER_TO_GET_CONSUMER_STATUS: what each consumer of a group, or one of them, believes its offsets
// are. All are asked at once; the original asks one after the other.
func (a *Admin) getConsumerStatus(r *remoting.Request, h *header.GetConsumerStatus) (*protocol.Command, error) {
	g, online := a.Clients.ConsumerGroup(h.Group)
	if !online || len(g.Clients) == 0 {
		return nil, remoting.Failf(code.SystemError, "No Any Consumer online in the consumer group: [%s]", h.Group)
	}
	asked, err := askedForStatus(g.Clients, h.ClientAddr)
	if err != nil {
		return nil, err
	}
	round := &statusRound{a: a, group: h.Group, left: len(asked), replies: make(map[string]*protocol.Command, len(asked))}
	if round.left == 0 {
		return round.answer()
	}
	round.held = r.Hold()
	ask := protocol.NewRequest(code.GetConsumerStatusFromClient, &header.GetConsumerStatus{Topic: h.Topic, Group: h.Group}, nil)
	for i := range asked {
		round.ask(&asked[i], ask)
	}
	return nil, nil
}

// askedForStatus are all of a group's clients, or the one with an id; a client that is met before it and too old refuses the whole.
func askedForStatus(clients []client.Info, id string) ([]client.Info, error) {
	for i := range clients {
		if v := clients[i].Version; v < version3_0_7 {
			return nil, remoting.Failf(code.SystemError, "the client does not support this feature. version=%d", v)
		}
		if id != "" && clients[i].ClientID == id {
			return clients[i : i+1], nil
		}
	}
	if id != "" {
		return nil, nil
	}
	return clients, nil
}

// statusRound gathers what the clients of a group answer, as it comes: they come on the loops of the clients' connections, and may be as large
// as a frame. With the last answer, or silence, a lane reads them and answers.
type statusRound struct {
	a     *Admin
	held  remoting.Held
	group string

	mu      sync.Mutex
	left    int                          // clients that have not answered
	replies map[string]*protocol.Command // of clients, by their ids
}

func (s *statusRound) ask(c *client.Info, cmd *protocol.Command) {
	id := c.ClientID
	conn, _ := c.Channel.(*remoting.Conn)
	if conn == nil {
		s.take(id, nil, remoting.ErrClosed)
		return
	}
	conn.Ask(cmd, statusTime, func(reply *protocol.Command, err error) {
		s.take(id, reply, err)
	})
}

// statusOf reads a client's answer.
func statusOf(reply *protocol.Command) (map[body.MessageQueue]int64, error) {
	if reply.Response() != code.Success {
		return nil, fmt.Errorf("code %d: %s", reply.Code, reply.Remark)
	}
	var status body.GetConsumerStatusBody
	if err := javajson.Unmarshal(reply.Body, &status); err != nil {
		return nil, err
	}
	return status.MessageQueueTable, nil
}

func (s *statusRound) take(id string, reply *protocol.Command, err error) {
	if err != nil {
		s.warn(id, err)
	}
	if s.note(id, reply) {
		s.held.ToLane(remoting.Admin, s.answer)
	}
}

func (s *statusRound) warn(id string, err error) {
	s.a.Log.Warn().Err(err).Str("group", s.group).Str("client", id).Msg("consumer status")
}

// note says whether the client was the last one.
func (s *statusRound) note(id string, reply *protocol.Command) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply != nil {
		s.replies[id] = reply
	}
	s.left--
	return s.left == 0
}

// answer reads what has come, when nothing more does.
func (s *statusRound) answer() (*protocol.Command, error) {
	tables := make(map[string]map[body.MessageQueue]int64, len(s.replies))
	for id, reply := range s.replies {
		table, err := statusOf(reply)
		if err != nil {
			s.warn(id, err)
			continue
		}
		tables[id] = table
	}
	return jsonAnswer(body.GetConsumerStatusBody{ConsumerTable: tables, MessageQueueTable: map[body.MessageQueue]int64{}})
}
