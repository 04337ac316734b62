package admin

import (
	"strconv"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

// versionDesc is the name of protocol.CurrentVersion, which clusterList prints.
const versionDesc = "V5_5_0"

// getBrokerRuntimeInfo answers GET_BROKER_RUNTIME_INFO: the store's figures, the broker's counters and its queues of work.
func (a *Admin) getBrokerRuntimeInfo(*remoting.Request) (*protocol.Command, error) {
	rules := a.Rules()
	info := a.Store.RuntimeInfo()
	number := func(name string, n int64) { info[name] = strconv.FormatInt(n, 10) }

	// Delays, check-backs and revival run on masters.
	info["brokerActive"] = strconv.FormatBool(!rules.Slave)
	info["brokerVersionDesc"] = versionDesc

	days := a.Stats.Days()
	number("msgPutTotalYesterdayMorning", days.PutYesterdayMorning)
	number("msgPutTotalTodayMorning", days.PutTodayMorning)
	number("msgPutTotalTodayNow", days.PutNow)
	number("msgGetTotalYesterdayMorning", days.GetYesterdayMorning)
	number("msgGetTotalTodayMorning", days.GetTodayMorning)
	number("msgGetTotalTodayNow", days.GetNow)

	number("startAcceptSendRequestTimeStamp", rules.StartAccept)
	// The timer wheel as an original shows one that is off; the pool of direct buffers, which does not exist here, as one that never ends.
	number("timerReadBehind", 0)
	number("timerOffsetBehind", 0)
	number("timerCongestNum", 0)
	info["timerEnqueueTps"], info["timerDequeueTps"] = "0.0", "0.0"
	number("remainTransientStoreBufferNumbs", 1<<31-1)

	a.delayInfo(info)
	a.laneInfo(number)
	if a.MoreInfo != nil {
		a.MoreInfo(number)
	}
	return jsonAnswer(body.KVTable{Table: info})
}

// delayInfo shows how far each delay level is, and how far it has to go.
func (a *Admin) delayInfo(info map[string]string) {
	for _, p := range a.Schedule.Progress() {
		end := a.Store.MaxOffset(message.TopicSchedule, p.Level-1)
		info["scheduleMessageOffset_"+strconv.Itoa(int(p.Level))] = strconv.FormatInt(p.Offset, 10) + "," + strconv.FormatInt(end, 10)
	}
}

// laneInfo shows the lanes under the names of the original's thread pools.
func (a *Admin) laneInfo(number func(string, int64)) {
	lanes := a.Server.Stats().Lanes
	for _, pool := range []struct {
		name string
		lane remoting.Lane
	}{{"send", remoting.Send}, {"pull", remoting.Pull}, {"litePull", remoting.Pull}, {"query", remoting.Query}, {"ack", remoting.Pop}} {
		l := lanes[pool.lane]
		number(pool.name+"ThreadPoolQueueSize", int64(l.Depth))
		number(pool.name+"ThreadPoolQueueCapacity", int64(l.Capacity))
		number(pool.name+"ThreadPoolQueueHeadWaitTimeMills", l.HeadWaitMs)
	}
	number("EndTransactionQueueSize", int64(lanes[remoting.Transaction].Depth))
	number("EndTransactionThreadPoolQueueCapacity", int64(lanes[remoting.Transaction].Capacity))
}
