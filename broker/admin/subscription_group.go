package admin

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// updateAndCreateSubscriptionGroup answers UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: the whole record is replaced, but attributes, which
// are changes. No body is success.
func (a *Admin) updateAndCreateSubscriptionGroup(r *remoting.Request) (*protocol.Command, error) {
	if len(r.Body) == 0 {
		return success()
	}
	g := subscription.NewGroup("")
	if err := javajson.Unmarshal(r.Body, g); err != nil {
		return nil, remoting.Failf(code.SystemError, "subscription group: %v", err)
	}
	a.asked(r).Str("group", g.GroupName).Msg("group asked for")
	return a.changeGroups([]*subscription.Group{g})
}

// updateAndCreateSubscriptionGroupList answers UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST.
func (a *Admin) updateAndCreateSubscriptionGroupList(r *remoting.Request) (*protocol.Command, error) {
	var list struct {
		GroupConfigList []*subscription.Group `json:"groupConfigList"`
	}
	if err := javajson.Unmarshal(r.Body, &list); err != nil {
		return nil, remoting.Failf(code.SystemError, "subscription groups: %v", err)
	}
	groups := slices.DeleteFunc(list.GroupConfigList, func(g *subscription.Group) bool { return g == nil })
	a.asked(r).Int("groups", len(groups)).Msg("groups asked for")
	return a.changeGroups(groups)
}

func (a *Admin) changeGroups(list []*subscription.Group) (*protocol.Command, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	for _, g := range list {
		if remark := topic.ValidateGroup(g.GroupName); remark != "" {
			return nil, remoting.Fail(code.InvalidParameter, remark)
		}
		// Retry topics get this many queues.
		if g.RetryQueueNums < 0 || g.RetryQueueNums > maxQueues {
			return nil, remoting.Failf(code.InvalidParameter, "The specified retryQueueNums: %d, is not between 0 and %d", g.RetryQueueNums, maxQueues)
		}
	}
	for _, g := range list {
		old := a.Groups.Get(g.GroupName)
		var present map[string]string
		if old != nil {
			present = old.Attributes
		}
		attributes, err := alterAttributes(groupAttributes, old == nil, present, g.Attributes)
		if err != nil {
			return nil, err
		}
		g.Attributes = attributes
	}
	if err := a.Groups.Put(list...); err != nil {
		return nil, err
	}
	return success()
}

// deleteSubscriptionGroup answers DELETE_SUBSCRIPTIONGROUP. Offsets stay unless the caller wants them gone.
func (a *Admin) deleteSubscriptionGroup(r *remoting.Request, h *header.DeleteSubscriptionGroup) (*protocol.Command, error) {
	a.asked(r).Str("group", h.GroupName).Bool("cleanOffset", h.CleanOffset).Msg("group to be deleted")
	a.changes.Lock()
	defer a.changes.Unlock()
	if _, err := a.Groups.Delete(h.GroupName); err != nil {
		return nil, err
	}
	if h.CleanOffset {
		a.Offsets.RemoveGroup(h.GroupName)
	}
	if a.Rules().AutoDeleteStats {
		a.Stats.GroupDeleted(h.GroupName)
	}
	return success()
}

// wrapper is SubscriptionGroupWrapper.
type wrapper struct {
	DataVersion            body.DataVersion               `json:"dataVersion"`
	ForbiddenTable         map[string]map[string]int32    `json:"forbiddenTable"`
	SubscriptionGroupTable map[string]*subscription.Group `json:"subscriptionGroupTable"`
}

// getAllSubscriptionGroup answers GET_ALL_SUBSCRIPTIONGROUP_CONFIG, in pages like getAllTopicConfig.
func (a *Admin) getAllSubscriptionGroup(r *remoting.Request, h *header.GetAllSubscriptionGroup) (*protocol.Command, error) {
	rules := a.Rules()
	groups, forbidden, version := a.Groups.Snapshot()
	total := len(groups)
	if rules.SplitMetadata && asksForPage(&r.Fields, "groupSeq", "dataVersion", "maxGroupNum") {
		all, allForbidden := groups, forbidden
		groups, forbidden = map[string]*subscription.Group{}, map[string]map[string]int32{}
		for _, name := range page(sortedNames(all), h.GroupSeq, h.DataVersion, version, pageSize(&rules, h.MaxGroupNum)) {
			groups[name] = all[name]
			if bits, ok := allForbidden[name]; ok {
				forbidden[name] = bits
			}
		}
	}
	answer, err := jsonAnswer(wrapper{DataVersion: body.DataVersion(version), ForbiddenTable: forbidden, SubscriptionGroupTable: groups})
	if err != nil {
		return nil, err
	}
	answer.Header = &header.GetAllSubscriptionGroupResponse{TotalGroupNum: int32(total)}
	return answer, nil
}

// getSubscriptionGroup answers GET_SUBSCRIPTIONGROUP_CONFIG. Looking creates the group where groups may be created by themselves.
func (a *Admin) getSubscriptionGroup(_ *remoting.Request, h *header.GetSubscriptionGroupConfig) (*protocol.Command, error) {
	g := a.Groups.Find(h.Group)
	if g == nil {
		return nil, remoting.Fail(code.SubscriptionGroupNotExist, "No group in this broker")
	}
	return jsonAnswer(g)
}

// updateGroupForbidden answers UPDATE_AND_GET_GROUP_FORBIDDEN. Neither group nor topic has to exist, as in the original, but what is
// forbidden is saved and stays until the group is deleted: their names have to be such as can exist. What is allowed again need not.
func (a *Admin) updateGroupForbidden(r *remoting.Request, h *header.UpdateGroupForbidden) (*protocol.Command, error) {
	if h.Readable != nil {
		if err := forbiddable(h); err != nil {
			return nil, err
		}
		a.asked(r).Str("group", h.Group).Str("topic", h.Topic).Bool("readable", *h.Readable).Msg("permission of a group changed")
		err := a.Groups.SetForbidden(h.Group, h.Topic, subscription.ForbiddenRead, !*h.Readable)
		if errors.Is(err, subscription.ErrForbiddenFull) {
			return nil, remoting.Fail(code.InvalidParameter, err.Error())
		}
		if err != nil {
			return nil, err
		}
	}
	return jsonAnswer(body.GroupForbidden{
		Group: h.Group, Topic: h.Topic, Readable: !a.Groups.Forbidden(h.Group, h.Topic, subscription.ForbiddenRead),
	})
}

func forbiddable(h *header.UpdateGroupForbidden) error {
	if *h.Readable {
		return nil
	}
	if remark := cmp.Or(topic.ValidateGroup(h.Group), topic.Validate(h.Topic)); remark != "" {
		return remoting.Failf(code.InvalidParameter, "%.512s", remark)
	}
	return nil
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
