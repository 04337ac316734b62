package header

// GetRouteInfo is the header of GET_ROUTEINFO_BY_TOPIC (105). The ext fields __ZONE_MODE and __ZONE_NAME may stand beside it.
type GetRouteInfo struct {
	Topic                  string `ext:"topic"`
	AcceptStandardJsonOnly bool   `ext:"acceptStandardJsonOnly"`
}
