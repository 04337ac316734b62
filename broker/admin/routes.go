package admin

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Routes is every request of operators that a broker answers. Changes and listings go to the lane of their kind. What needs a
// client's answer is held until that comes: a client that hangs delays neither operators nor other clients.
func Routes() []remoting.Route[*Admin] { return routes }

var routes = []remoting.Route[*Admin]{
	remoting.Handle(code.UpdateAndCreateTopic, remoting.Admin, (*Admin).updateAndCreateTopic),
	remoting.HandleRaw(code.UpdateAndCreateTopicList, remoting.Admin, (*Admin).updateAndCreateTopicList),
	remoting.Handle(code.DeleteTopicInBroker, remoting.Admin, (*Admin).deleteTopic),
	remoting.Handle(code.GetAllTopicConfig, remoting.Admin, (*Admin).getAllTopicConfig),
	remoting.Handle(code.GetTopicConfig, remoting.Admin, (*Admin).getTopicConfig),
	remoting.HandleRaw(code.GetSystemTopicListFromBroker, remoting.Admin, (*Admin).getSystemTopicList),

	remoting.HandleRaw(code.UpdateAndCreateSubscriptionGroup, remoting.Admin, (*Admin).updateAndCreateSubscriptionGroup),
	remoting.HandleRaw(code.UpdateAndCreateSubscriptionGroupList, remoting.Admin, (*Admin).updateAndCreateSubscriptionGroupList),
	remoting.Handle(code.DeleteSubscriptionGroup, remoting.Admin, (*Admin).deleteSubscriptionGroup),
	remoting.Handle(code.GetAllSubscriptionGroupConfig, remoting.Admin, (*Admin).getAllSubscriptionGroup),
	remoting.Handle(code.GetSubscriptionGroupConfig, remoting.Admin, (*Admin).getSubscriptionGroup),
	remoting.Handle(code.UpdateAndGetGroupForbidden, remoting.Admin, (*Admin).updateGroupForbidden),

	remoting.HandleRaw(code.UpdateBrokerConfig, remoting.Admin, (*Admin).updateBrokerConfig),
	remoting.HandleRaw(code.GetBrokerConfig, remoting.Admin, (*Admin).getBrokerConfig),
	remoting.HandleRaw(code.GetBrokerRuntimeInfo, remoting.Admin, (*Admin).getBrokerRuntimeInfo),
	remoting.Handle(code.ViewBrokerStatsData, remoting.Admin, (*Admin).viewBrokerStatsData),

	remoting.Handle(code.GetTopicStatsInfo, remoting.Query, (*Admin).getTopicStatsInfo),
	remoting.Handle(code.GetConsumeStats, remoting.Query, (*Admin).getConsumeStats),
	remoting.Handle(code.GetBrokerConsumeStats, remoting.Query, (*Admin).getBrokerConsumeStats),
	remoting.Handle(code.QueryConsumeTimeSpan, remoting.Query, (*Admin).queryConsumeTimeSpan),
	remoting.Handle(code.QueryConsumeQueue, remoting.Query, (*Admin).queryConsumeQueue),

	remoting.Handle(code.GetConsumerConnectionList, remoting.Admin, (*Admin).getConsumerConnectionList),
	remoting.Handle(code.GetProducerConnectionList, remoting.Admin, (*Admin).getProducerConnectionList),
	remoting.HandleRaw(code.GetAllProducerInfo, remoting.Admin, (*Admin).getAllProducerInfo),
	remoting.Handle(code.QueryTopicConsumeByWho, remoting.Admin, (*Admin).queryTopicConsumeByWho),
	remoting.Handle(code.QueryTopicsByConsumer, remoting.Admin, (*Admin).queryTopicsByConsumer),
	remoting.Handle(code.QuerySubscriptionByConsumer, remoting.Admin, (*Admin).querySubscriptionByConsumer),
	remoting.Handle(code.GetConsumerRunningInfo, remoting.Admin, (*Admin).getConsumerRunningInfo),
	remoting.Handle(code.ConsumeMessageDirectly, remoting.Query, (*Admin).consumeMessageDirectly),
	remoting.Handle(code.InvokeBrokerToGetConsumerStatus, remoting.Admin, (*Admin).getConsumerStatus),

	remoting.Handle(code.InvokeBrokerToResetOffset, remoting.Query, (*Admin).resetOffset),
	remoting.Handle(code.CloneGroupOffset, remoting.Admin, (*Admin).cloneGroupOffset),
	remoting.Handle(code.SkylarkSkipToEnd, remoting.Query, (*Admin).skipToEnd),
	remoting.Handle(code.SkylarkPurgeTopic, remoting.Query, (*Admin).purgeTopic),
	remoting.Handle(code.QueryCorrectionOffset, remoting.Query, (*Admin).queryCorrectionOffset),
	remoting.HandleRaw(code.GetAllConsumerOffset, remoting.Admin, (*Admin).getAllConsumerOffset),

	remoting.HandleRaw(code.CleanExpiredConsumeQueue, remoting.Admin, (*Admin).cleanExpired),
	remoting.HandleRaw(code.DeleteExpiredCommitLog, remoting.Admin, (*Admin).deleteExpiredLog),
	remoting.HandleRaw(code.CleanUnusedTopic, remoting.Admin, (*Admin).cleanUnusedTopic),
}
