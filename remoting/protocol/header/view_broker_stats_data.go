package header

// ViewBrokerStatsData is the header of VIEW_BROKER_STATS_DATA (315).
type ViewBrokerStatsData struct {
	StatsName string `ext:"statsName,required"`
	StatsKey  string `ext:"statsKey,required"`
}
