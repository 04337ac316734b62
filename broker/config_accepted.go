package broker

import "runtime"

// Accepted are the settings of BrokerConfig 5.5.0 and its companions that this
// broker knows by name and does not act on: pools it has no need of, features
// that are not in this version. They are read, shown by getBrokerConfig and changed
// by updateBrokerConfig with Java's types and defaults, so that a configuration
// written for the Java broker comes back as it went in; hot, for none waits for a
// start. obstacles.go alone looks at some: at what a start must not go on with.
//
// A setting moves to Config when something begins to read it.
type Accepted struct {
	// BrokerIdentity.

	IsBrokerContainer   bool `conf:"isBrokerContainer,hot"`
	IsInBrokerContainer bool `conf:"isInBrokerContainer,hot"`

	// BrokerConfig.

	EnableDetailStat                       bool   `conf:"enableDetailStat,hot"` // there are no statistics by queue
	RecoverConcurrently                    bool   `conf:"recoverConcurrently,hot"`
	MessageStorePlugIn                     string `conf:"messageStorePlugIn,hot"` // set, it stops the start
	SendMessageThreadPoolNums              int    `conf:"sendMessageThreadPoolNums,hot"`
	PutMessageFutureThreadPoolNums         int    `conf:"putMessageFutureThreadPoolNums,hot"`
	PullMessageThreadPoolNums              int    `conf:"pullMessageThreadPoolNums,hot"`
	LitePullMessageThreadPoolNums          int    `conf:"litePullMessageThreadPoolNums,hot"`
	AckMessageThreadPoolNums               int    `conf:"ackMessageThreadPoolNums,hot"`
	ProcessReplyMessageThreadPoolNums      int    `conf:"processReplyMessageThreadPoolNums,hot"`
	QueryMessageThreadPoolNums             int    `conf:"queryMessageThreadPoolNums,hot"`
	AdminBrokerThreadPoolNums              int    `conf:"adminBrokerThreadPoolNums,hot"`
	ClientManageThreadPoolNums             int    `conf:"clientManageThreadPoolNums,hot"`
	ConsumerManageThreadPoolNums           int    `conf:"consumerManageThreadPoolNums,hot"`
	LoadBalanceProcessorThreadPoolNums     int    `conf:"loadBalanceProcessorThreadPoolNums,hot"`
	HeartbeatThreadPoolNums                int    `conf:"heartbeatThreadPoolNums,hot"`
	RecoverThreadPoolNums                  int    `conf:"recoverThreadPoolNums,hot"`
	EndTransactionThreadPoolNums           int    `conf:"endTransactionThreadPoolNums,hot"`
	FlushConsumerOffsetHistoryInterval     int    `conf:"flushConsumerOffsetHistoryInterval,hot"`
	FetchNamesrvAddrByAddressServer        bool   `conf:"fetchNamesrvAddrByAddressServer,hot"` // without namesrvAddr a warning at start
	SendThreadPoolQueueCapacity            int    `conf:"sendThreadPoolQueueCapacity,hot"`     // so many may wait, whatever is set
	PutThreadPoolQueueCapacity             int    `conf:"putThreadPoolQueueCapacity,hot"`
	PullThreadPoolQueueCapacity            int    `conf:"pullThreadPoolQueueCapacity,hot"` // so many may wait, whatever is set
	LitePullThreadPoolQueueCapacity        int    `conf:"litePullThreadPoolQueueCapacity,hot"`
	AckThreadPoolQueueCapacity             int    `conf:"ackThreadPoolQueueCapacity,hot"`
	QueryThreadPoolQueueCapacity           int    `conf:"queryThreadPoolQueueCapacity,hot"`
	ClientManagerThreadPoolQueueCapacity   int    `conf:"clientManagerThreadPoolQueueCapacity,hot"`
	ConsumerManagerThreadPoolQueueCapacity int    `conf:"consumerManagerThreadPoolQueueCapacity,hot"`
	HeartbeatThreadPoolQueueCapacity       int    `conf:"heartbeatThreadPoolQueueCapacity,hot"`
	EndTransactionPoolQueueCapacity        int    `conf:"endTransactionPoolQueueCapacity,hot"`
	AdminBrokerThreadPoolQueueCapacity     int    `conf:"adminBrokerThreadPoolQueueCapacity,hot"`
	LoadBalanceThreadPoolQueueCapacity     int    `conf:"loadBalanceThreadPoolQueueCapacity,hot"`
	HighSpeedMode                          bool   `conf:"highSpeedMode,hot"`
	CommercialBaseCount                    int    `conf:"commercialBaseCount,hot"`
	CommercialSizePerMsg                   int    `conf:"commercialSizePerMsg,hot"`
	AccountStatsEnable                     bool   `conf:"accountStatsEnable,hot"`
	AccountStatsPrintZeroValues            bool   `conf:"accountStatsPrintZeroValues,hot"`
	MaxStatsIdleTimeInMinutes              int    `conf:"maxStatsIdleTimeInMinutes,hot"`
	TransferMsgByHeap                      bool   `conf:"transferMsgByHeap,hot"`
	SendHeartbeatTimeoutMillis             int    `conf:"sendHeartbeatTimeoutMillis,hot"`
	DisableConsumeIfConsumerReadSlowly     bool   `conf:"disableConsumeIfConsumerReadSlowly,hot"` // no group is switched off; a warning at start
	ConsumerFallbehindThreshold            int64  `conf:"consumerFallbehindThreshold,hot"`
	BrokerFastFailureEnable                bool   `conf:"brokerFastFailureEnable,hot"` // requests that wait too long are answered SYSTEM_BUSY also with false
	WaitTimeMillsInLitePullQueue           int64  `conf:"waitTimeMillsInLitePullQueue,hot"`
	CompressedRegister                     bool   `conf:"compressedRegister,hot"`
	BrokerHeartbeatInterval                int    `conf:"brokerHeartbeatInterval,hot"`
	BrokerNotActiveTimeoutMillis           int64  `conf:"brokerNotActiveTimeoutMillis,hot"`
	EnableNetWorkFlowControl               bool   `conf:"enableNetWorkFlowControl,hot"`
	PopPollingSize                         int    `conf:"popPollingSize,hot"`
	PopPollingMapSize                      int    `conf:"popPollingMapSize,hot"`
	PopPollingMapExpireTimeSeconds         int    `conf:"popPollingMapExpireTimeSeconds,hot"`
	MaxPopPollingSize                      int64  `conf:"maxPopPollingSize,hot"`
	ReviveInterval                         int64  `conf:"reviveInterval,hot"`
	ReviveMaxSlow                          int64  `conf:"reviveMaxSlow,hot"`
	ReviveScanTime                         int64  `conf:"reviveScanTime,hot"`
	EnableSkipLongAwaitingAck              bool   `conf:"enableSkipLongAwaitingAck,hot"`
	ReviveAckWaitMs                        int64  `conf:"reviveAckWaitMs,hot"`
	EnablePopLog                           bool   `conf:"enablePopLog,hot"`
	EnablePopBufferMerge                   bool   `conf:"enablePopBufferMerge,hot"`
	PopCkStayBufferTime                    int    `conf:"popCkStayBufferTime,hot"`
	PopCkStayBufferTimeOut                 int    `conf:"popCkStayBufferTimeOut,hot"`
	PopCkMaxBufferSize                     int    `conf:"popCkMaxBufferSize,hot"`
	PopCkOffsetMaxQueueSize                int    `conf:"popCkOffsetMaxQueueSize,hot"`
	EnablePopBatchAck                      bool   `conf:"enablePopBatchAck,hot"`
	PopLongPollingForceNotifyInterval      int64  `conf:"popLongPollingForceNotifyInterval,hot"`
	EnableNotifyBeforePopCalculateLag      bool   `conf:"enableNotifyBeforePopCalculateLag,hot"`
	EnableNotifyAfterPopOrderLockRelease   bool   `conf:"enableNotifyAfterPopOrderLockRelease,hot"`
	InitPopOffsetByCheckMsgInMem           bool   `conf:"initPopOffsetByCheckMsgInMem,hot"`
	RetrieveMessageFromPopRetryTopicV1     bool   `conf:"retrieveMessageFromPopRetryTopicV1,hot"`
	EnableRetryTopicV2                     bool   `conf:"enableRetryTopicV2,hot"`
	PopFromRetryProbability                int    `conf:"popFromRetryProbability,hot"`
	PopConsumerFSServiceInit               bool   `conf:"popConsumerFSServiceInit,hot"`
	PopConsumerKVServiceLog                bool   `conf:"popConsumerKVServiceLog,hot"`
	PopConsumerKVServiceInit               bool   `conf:"popConsumerKVServiceInit,hot"`
	PopConsumerKVServiceEnable             bool   `conf:"popConsumerKVServiceEnable,hot"`
	PopReviveMaxReturnSizePerRead          int    `conf:"popReviveMaxReturnSizePerRead,hot"`
	PopReviveMaxAttemptTimes               int    `conf:"popReviveMaxAttemptTimes,hot"`
	SyncBrokerMemberGroupPeriod            int    `conf:"syncBrokerMemberGroupPeriod,hot"`
	CleanOfflineBrokerInterval             int    `conf:"cleanOfflineBrokerInterval,hot"`
	DefaultPopShareQueueNum                int    `conf:"defaultPopShareQueueNum,hot"`
	AclEnable                              bool   `conf:"aclEnable,hot"` // true stops the start
	IsolateLogEnable                       bool   `conf:"isolateLogEnable,hot"`
	ForwardTimeout                         int64  `conf:"forwardTimeout,hot"`
	EnableRemoteEscape                     bool   `conf:"enableRemoteEscape,hot"`
	SkipPreOnline                          bool   `conf:"skipPreOnline,hot"`
	AsyncSendEnable                        bool   `conf:"asyncSendEnable,hot"`
	CompatibleWithOldNameSrv               bool   `conf:"compatibleWithOldNameSrv,hot"`
	EnableControllerMode                   bool   `conf:"enableControllerMode,hot"`    // true stops the start
	EnableSlaveActingMaster                bool   `conf:"enableSlaveActingMaster,hot"` // true stops the start
	ControllerAddr                         string `conf:"controllerAddr,hot"`
	FetchControllerAddrByDnsLookup         bool   `conf:"fetchControllerAddrByDnsLookup,hot"`
	SyncBrokerMetadataPeriod               int64  `conf:"syncBrokerMetadataPeriod,hot"`
	CheckSyncStateSetPeriod                int64  `conf:"checkSyncStateSetPeriod,hot"`
	SyncControllerMetadataPeriod           int64  `conf:"syncControllerMetadataPeriod,hot"`
	ControllerHeartBeatTimeoutMills        int64  `conf:"controllerHeartBeatTimeoutMills,hot"`
	BrokerElectionPriority                 int    `conf:"brokerElectionPriority,hot"`
	UseStaticSubscription                  bool   `conf:"useStaticSubscription,hot"`
	MetricsGrpcExporterTarget              string `conf:"metricsGrpcExporterTarget,hot"`
	MetricsGrpcExporterHeader              string `conf:"metricsGrpcExporterHeader,hot"`
	MetricGrpcExporterTimeOutInMills       int64  `conf:"metricGrpcExporterTimeOutInMills,hot"`
	MetricGrpcExporterIntervalInMills      int64  `conf:"metricGrpcExporterIntervalInMills,hot"`
	MetricLoggingExporterIntervalInMills   int64  `conf:"metricLoggingExporterIntervalInMills,hot"`
	MetricsInDelta                         bool   `conf:"metricsInDelta,hot"`
	EnableRemotingMetrics                  bool   `conf:"enableRemotingMetrics,hot"`
	EnableMessageStoreMetrics              bool   `conf:"enableMessageStoreMetrics,hot"`
	EnablePopMetrics                       bool   `conf:"enablePopMetrics,hot"`
	EnableConnectionMetrics                bool   `conf:"enableConnectionMetrics,hot"`
	EnableRequestMetrics                   bool   `conf:"enableRequestMetrics,hot"`
	EnableLagAndDlqMetrics                 bool   `conf:"enableLagAndDlqMetrics,hot"`
	EstimateAccumulation                   bool   `conf:"estimateAccumulation,hot"`
	ColdCtrStrategyEnable                  bool   `conf:"coldCtrStrategyEnable,hot"`
	UsePIDColdCtrStrategy                  bool   `conf:"usePIDColdCtrStrategy,hot"`
	CgColdReadThreshold                    int64  `conf:"cgColdReadThreshold,hot"`
	GlobalColdReadThreshold                int64  `conf:"globalColdReadThreshold,hot"`
	FetchNamesrvAddrInterval               int64  `conf:"fetchNamesrvAddrInterval,hot"`
	PopResponseReturnActualRetryTopic      bool   `conf:"popResponseReturnActualRetryTopic,hot"`
	EnableSplitRegistration                bool   `conf:"enableSplitRegistration,hot"`
	PopInflightMessageThreshold            int64  `conf:"popInflightMessageThreshold,hot"`
	EnablePopMessageThreshold              bool   `conf:"enablePopMessageThreshold,hot"`
	EnableFastChannelEventProcess          bool   `conf:"enableFastChannelEventProcess,hot"`
	PrintChannelGroups                     bool   `conf:"printChannelGroups,hot"`
	PrintChannelGroupsMinNum               int    `conf:"printChannelGroupsMinNum,hot"`
	SplitRegistrationSize                  int    `conf:"splitRegistrationSize,hot"`
	SkipWhenCKRePutReachMaxTimes           bool   `conf:"skipWhenCKRePutReachMaxTimes,hot"`
	AppendAckAsync                         bool   `conf:"appendAckAsync,hot"`
	AppendCkAsync                          bool   `conf:"appendCkAsync,hot"`
	ConfigManagerVersion                   string `conf:"configManagerVersion,hot"`
	AllowRecallWhenBrokerNotWriteable      bool   `conf:"allowRecallWhenBrokerNotWriteable,hot"`
	RecallMessageEnable                    bool   `conf:"recallMessageEnable,hot"` // a warning at start

	// NettyServerConfig.

	ServerWorkerThreads                int  `conf:"serverWorkerThreads,hot"`
	ServerCallbackExecutorThreads      int  `conf:"serverCallbackExecutorThreads,hot"`
	ServerSelectorThreads              int  `conf:"serverSelectorThreads,hot"`
	ServerOnewaySemaphoreValue         int  `conf:"serverOnewaySemaphoreValue,hot"`
	ServerAsyncSemaphoreValue          int  `conf:"serverAsyncSemaphoreValue,hot"`
	WriteBufferHighWaterMark           int  `conf:"writeBufferHighWaterMark,hot"`
	WriteBufferLowWaterMark            int  `conf:"writeBufferLowWaterMark,hot"`
	ServerSocketBacklog                int  `conf:"serverSocketBacklog,hot"`
	ServerNettyWorkerGroupEnable       bool `conf:"serverNettyWorkerGroupEnable,hot"`
	ServerPooledByteBufAllocatorEnable bool `conf:"serverPooledByteBufAllocatorEnable,hot"`
	UseEpollNativeSelector             bool `conf:"useEpollNativeSelector,hot"`

	// NettyClientConfig.

	ClientWorkerThreads                int    `conf:"clientWorkerThreads,hot"`
	ClientCallbackExecutorThreads      int    `conf:"clientCallbackExecutorThreads,hot"`
	ClientOnewaySemaphoreValue         int    `conf:"clientOnewaySemaphoreValue,hot"`
	ClientAsyncSemaphoreValue          int    `conf:"clientAsyncSemaphoreValue,hot"`
	ChannelNotActiveInterval           int64  `conf:"channelNotActiveInterval,hot"`
	IsScanAvailableNameSrv             bool   `conf:"isScanAvailableNameSrv,hot"`
	ClientSocketSndBufSize             int    `conf:"clientSocketSndBufSize,hot"`
	ClientSocketRcvBufSize             int    `conf:"clientSocketRcvBufSize,hot"`
	ClientPooledByteBufAllocatorEnable bool   `conf:"clientPooledByteBufAllocatorEnable,hot"`
	SocksProxyConfig                   string `conf:"socksProxyConfig,hot"`
	DisableCallbackExecutor            bool   `conf:"disableCallbackExecutor,hot"`
	DisableNettyWorkerGroup            bool   `conf:"disableNettyWorkerGroup,hot"`
	MaxReconnectIntervalTimeSeconds    int64  `conf:"maxReconnectIntervalTimeSeconds,hot"`
	EnableReconnectForGoAway           bool   `conf:"enableReconnectForGoAway,hot"`

	// AuthConfig.

	InitAuthenticationUser                   string `conf:"initAuthenticationUser,secret"`
	InnerClientAuthenticationCredentials     string `conf:"innerClientAuthenticationCredentials,secret"`
	AuthenticationEnabled                    bool   `conf:"authenticationEnabled,hot"` // true stops the start
	AuthorizationEnabled                     bool   `conf:"authorizationEnabled,hot"`  // true stops the start
	MigrateAuthFromV1Enabled                 bool   `conf:"migrateAuthFromV1Enabled,hot"`
	UserCacheMaxNum                          int    `conf:"userCacheMaxNum,hot"`
	UserCacheExpiredSecond                   int    `conf:"userCacheExpiredSecond,hot"`
	UserCacheRefreshSecond                   int    `conf:"userCacheRefreshSecond,hot"`
	AclCacheMaxNum                           int    `conf:"aclCacheMaxNum,hot"`
	AclCacheExpiredSecond                    int    `conf:"aclCacheExpiredSecond,hot"`
	AclCacheRefreshSecond                    int    `conf:"aclCacheRefreshSecond,hot"`
	StatefulAuthenticationCacheMaxNum        int    `conf:"statefulAuthenticationCacheMaxNum,hot"`
	StatefulAuthenticationCacheExpiredSecond int    `conf:"statefulAuthenticationCacheExpiredSecond,hot"`
	StatefulAuthorizationCacheMaxNum         int    `conf:"statefulAuthorizationCacheMaxNum,hot"`
	StatefulAuthorizationCacheExpiredSecond  int    `conf:"statefulAuthorizationCacheExpiredSecond,hot"`

	// BrokerConfig.

	EnableLiteEventMode                            bool  `conf:"enableLiteEventMode,hot"`
	EnableLitePopLog                               bool  `conf:"enableLitePopLog,hot"`
	LiteEventCheckInterval                         int64 `conf:"liteEventCheckInterval,hot"`
	LiteEventFullDispatchDelayTime                 int64 `conf:"liteEventFullDispatchDelayTime,hot"`
	LiteEventFullDispatchDelayTimeForWildcardGroup int64 `conf:"liteEventFullDispatchDelayTimeForWildcardGroup,hot"`
	LiteLagCountMetricsEnable                      bool  `conf:"liteLagCountMetricsEnable,hot"`
	LiteLagLatencyCollectEnable                    bool  `conf:"liteLagLatencyCollectEnable,hot"`
	LiteLagLatencyMetricsEnable                    bool  `conf:"liteLagLatencyMetricsEnable,hot"`
	LiteLagLatencyTopK                             int   `conf:"liteLagLatencyTopK,hot"`
	LiteSubscriptionCheckInterval                  int64 `conf:"liteSubscriptionCheckInterval,hot"`
	LiteSubscriptionCheckTimeoutMills              int64 `conf:"liteSubscriptionCheckTimeoutMills,hot"`
	LiteTtlCheckInterval                           int64 `conf:"liteTtlCheckInterval,hot"`
	MaxClientEventCount                            int   `conf:"maxClientEventCount,hot"`
	MaxLiteSubscriptionCount                       int64 `conf:"maxLiteSubscriptionCount,hot"`
	MaxMessageFilterNumForNotification             int   `conf:"maxMessageFilterNumForNotification,hot"`
	MetricsExportBatchMaxDataPoints                int   `conf:"metricsExportBatchMaxDataPoints,hot"`
	MinLiteTTl                                     int64 `conf:"minLiteTTl,hot"`
	PersistConsumerOffsetIncrementally             bool  `conf:"persistConsumerOffsetIncrementally,hot"`
	PopFromRetryProbabilityForPriority             int   `conf:"popFromRetryProbabilityForPriority,hot"`
	PopReviveConcurrency                           int   `conf:"popReviveConcurrency,hot"`
	PopReviveSkipIfGroupAbsent                     bool  `conf:"popReviveSkipIfGroupAbsent,hot"`
	PriorityOrderAsc                               bool  `conf:"priorityOrderAsc,hot"`
	TransactionCheckRocksdbCoreThreads             int   `conf:"transactionCheckRocksdbCoreThreads,hot"`
	TransactionCheckRocksdbMaxThreads              int   `conf:"transactionCheckRocksdbMaxThreads,hot"`
	TransactionCheckRocksdbQueueCapacity           int   `conf:"transactionCheckRocksdbQueueCapacity,hot"`
	UseMessageFilterForNotification                bool  `conf:"useMessageFilterForNotification,hot"`
	UseSeparateRetryQueue                          bool  `conf:"useSeparateRetryQueue,hot"`
	UseSingleRocksDBForAllConfigs                  bool  `conf:"useSingleRocksDBForAllConfigs,hot"`
}

// AcceptedNulls are the names whose value is null in Java unless a file sets it:
// they are shown only then, and nobody is warned about them.
var AcceptedNulls = []string{
	"rocketmqHome",
	"configName",
	"clusterName",
	"authConfigPath",
	"authenticationProvider",
	"authenticationMetadataProvider",
	"authenticationStrategy",
	"authenticationWhitelist",
	"authorizationProvider",
	"authorizationMetadataProvider",
	"authorizationStrategy",
	"authorizationWhitelist",
}

// DefaultAccepted has Java's defaults.
func DefaultAccepted() Accepted {
	cpu := runtime.NumCPU()
	return Accepted{
		EnableDetailStat: true,

		SendMessageThreadPoolNums:              min(cpu, 4),
		PutMessageFutureThreadPoolNums:         min(cpu, 4),
		PullMessageThreadPoolNums:              16 + 2*cpu,
		LitePullMessageThreadPoolNums:          16 + 2*cpu,
		AckMessageThreadPoolNums:               16,
		ProcessReplyMessageThreadPoolNums:      16 + 2*cpu,
		QueryMessageThreadPoolNums:             8 + cpu,
		AdminBrokerThreadPoolNums:              16,
		ClientManageThreadPoolNums:             32,
		ConsumerManageThreadPoolNums:           32,
		LoadBalanceProcessorThreadPoolNums:     32,
		HeartbeatThreadPoolNums:                min(32, cpu),
		RecoverThreadPoolNums:                  32,
		EndTransactionThreadPoolNums:           max(8+2*cpu, 4*min(cpu, 4)),
		FlushConsumerOffsetHistoryInterval:     60000,
		SendThreadPoolQueueCapacity:            10000,
		PutThreadPoolQueueCapacity:             10000,
		PullThreadPoolQueueCapacity:            100000,
		LitePullThreadPoolQueueCapacity:        100000,
		AckThreadPoolQueueCapacity:             100000,
		QueryThreadPoolQueueCapacity:           20000,
		ClientManagerThreadPoolQueueCapacity:   1000000,
		ConsumerManagerThreadPoolQueueCapacity: 1000000,
		HeartbeatThreadPoolQueueCapacity:       50000,
		EndTransactionPoolQueueCapacity:        100000,
		AdminBrokerThreadPoolQueueCapacity:     10000,
		LoadBalanceThreadPoolQueueCapacity:     100000,
		CommercialBaseCount:                    1,
		CommercialSizePerMsg:                   4096,
		AccountStatsEnable:                     true,
		AccountStatsPrintZeroValues:            true,
		MaxStatsIdleTimeInMinutes:              -1,
		TransferMsgByHeap:                      true,
		SendHeartbeatTimeoutMillis:             1000,
		ConsumerFallbehindThreshold:            17179869184,
		BrokerFastFailureEnable:                true,
		WaitTimeMillsInLitePullQueue:           5000,
		BrokerHeartbeatInterval:                1000,
		BrokerNotActiveTimeoutMillis:           10000,
		PopPollingSize:                         1024,
		PopPollingMapSize:                      100000,
		PopPollingMapExpireTimeSeconds:         600,
		MaxPopPollingSize:                      100000,
		ReviveInterval:                         1000,
		ReviveMaxSlow:                          3,
		ReviveScanTime:                         10000,
		ReviveAckWaitMs:                        180000,
		PopCkStayBufferTime:                    10000,
		PopCkStayBufferTimeOut:                 3000,
		PopCkMaxBufferSize:                     200000,
		PopCkOffsetMaxQueueSize:                20000,
		PopLongPollingForceNotifyInterval:      800,
		EnableNotifyBeforePopCalculateLag:      true,
		EnableNotifyAfterPopOrderLockRelease:   true,
		InitPopOffsetByCheckMsgInMem:           true,
		RetrieveMessageFromPopRetryTopicV1:     true,
		PopFromRetryProbability:                20,
		PopConsumerFSServiceInit:               true,
		PopReviveMaxReturnSizePerRead:          16384,
		PopReviveMaxAttemptTimes:               16,
		SyncBrokerMemberGroupPeriod:            1000,
		CleanOfflineBrokerInterval:             30000,
		DefaultPopShareQueueNum:                -1,
		ForwardTimeout:                         3000,
		AsyncSendEnable:                        true,
		CompatibleWithOldNameSrv:               true,
		SyncBrokerMetadataPeriod:               5000,
		CheckSyncStateSetPeriod:                5000,
		SyncControllerMetadataPeriod:           10000,
		ControllerHeartBeatTimeoutMills:        10000,
		BrokerElectionPriority:                 2147483647,
		MetricGrpcExporterTimeOutInMills:       3000,
		MetricGrpcExporterIntervalInMills:      60000,
		MetricLoggingExporterIntervalInMills:   10000,
		EnableRemotingMetrics:                  true,
		EnableMessageStoreMetrics:              true,
		EnablePopMetrics:                       true,
		EnableConnectionMetrics:                true,
		EnableRequestMetrics:                   true,
		EnableLagAndDlqMetrics:                 true,
		EstimateAccumulation:                   true,
		UsePIDColdCtrStrategy:                  true,
		CgColdReadThreshold:                    3145728,
		GlobalColdReadThreshold:                104857600,
		FetchNamesrvAddrInterval:               10000,
		PopInflightMessageThreshold:            10000,
		PrintChannelGroupsMinNum:               5,
		SplitRegistrationSize:                  800,
		ConfigManagerVersion:                   "v1",
		AllowRecallWhenBrokerNotWriteable:      true,

		ServerWorkerThreads:                8,
		ServerSelectorThreads:              3,
		ServerOnewaySemaphoreValue:         256,
		ServerAsyncSemaphoreValue:          64,
		ServerSocketBacklog:                1024,
		ServerNettyWorkerGroupEnable:       true,
		ServerPooledByteBufAllocatorEnable: true,

		ClientWorkerThreads:             4,
		ClientCallbackExecutorThreads:   cpu,
		ClientOnewaySemaphoreValue:      65535,
		ClientAsyncSemaphoreValue:       65535,
		ChannelNotActiveInterval:        60000,
		IsScanAvailableNameSrv:          true,
		SocksProxyConfig:                "{}",
		MaxReconnectIntervalTimeSeconds: 60,
		EnableReconnectForGoAway:        true,

		UserCacheMaxNum:                          1000,
		UserCacheExpiredSecond:                   600,
		UserCacheRefreshSecond:                   60,
		AclCacheMaxNum:                           1000,
		AclCacheExpiredSecond:                    600,
		AclCacheRefreshSecond:                    60,
		StatefulAuthenticationCacheMaxNum:        10000,
		StatefulAuthenticationCacheExpiredSecond: 60,
		StatefulAuthorizationCacheMaxNum:         10000,
		StatefulAuthorizationCacheExpiredSecond:  60,

		EnableLiteEventMode:                            true,
		LiteEventCheckInterval:                         10000,
		LiteEventFullDispatchDelayTime:                 10000,
		LiteEventFullDispatchDelayTimeForWildcardGroup: 10000,
		LiteLagLatencyTopK:                             50,
		LiteSubscriptionCheckInterval:                  120000,
		LiteSubscriptionCheckTimeoutMills:              180000,
		LiteTtlCheckInterval:                           120000,
		MaxClientEventCount:                            100,
		MaxLiteSubscriptionCount:                       100000,
		MaxMessageFilterNumForNotification:             64,
		MetricsExportBatchMaxDataPoints:                1000,
		MinLiteTTl:                                     900000,
		PopReviveConcurrency:                           32,
		PopReviveSkipIfGroupAbsent:                     true,
		PriorityOrderAsc:                               true,
		TransactionCheckRocksdbCoreThreads:             2,
		TransactionCheckRocksdbMaxThreads:              5,
		TransactionCheckRocksdbQueueCapacity:           2000,
		UseMessageFilterForNotification:                true,
	}
}
