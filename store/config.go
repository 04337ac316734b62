package store

// Config is MessageStoreConfig of RocketMQ 5.5.0, with a few of ours at its end: every name it has, so that a
// configuration file and getBrokerConfig show one list, with its defaults.
// Settings marked hot are read where they are used and may change while the
// store is open; the others are read once, by Open. Settings of parts that this
// store does not have (DLedger, RocksDB, the transient pool, Java's locks) are
// kept and shown, and change nothing.
//
//nolint:revive // the field names are the configuration's
type Config struct {
	StorePathRootDir                                string        `conf:"storePathRootDir"`                                // store root
	StorePathCommitLog                              string        `conf:"storePathCommitLog"`                              // default root/commitlog; comma = several, in turn where there is room
	StorePathDLedgerCommitLog                       string        `conf:"storePathDLedgerCommitLog"`                       // DLedger path
	StorePathEpochFile                              string        `conf:"storePathEpochFile"`                              // controller epoch file
	StorePathBrokerIdentity                         string        `conf:"storePathBrokerIdentity"`                         // controller identity file
	ReadOnlyCommitLogStorePaths                     string        `conf:"readOnlyCommitLogStorePaths"`                     // paths of the log in which no files are made; also of those that storePathCommitLog names
	MappedFileSizeCommitLog                         int           `conf:"mappedFileSizeCommitLog"`                         // bytes per file
	CompactionMappedFileSize                        int           `conf:"compactionMappedFileSize"`                        // compaction log file
	CompactionCqMappedFileSize                      int           `conf:"compactionCqMappedFileSize"`                      // compaction CQ file
	CompactionScheduleInternal                      int           `conf:"compactionScheduleInternal"`                      // compaction period ms
	MaxOffsetMapSize                                int           `conf:"maxOffsetMapSize"`                                // compaction map bytes
	CompactionThreadNum                             int           `conf:"compactionThreadNum"`                             // threads
	EnableCompaction                                bool          `conf:"enableCompaction"`                                // compaction topics
	MappedFileSizeTimerLog                          int           `conf:"mappedFileSizeTimerLog"`                          // timer log file
	TimerPrecisionMs                                int           `conf:"timerPrecisionMs"`                                // wheel precision
	TimerRollWindowSlot                             int           `conf:"timerRollWindowSlot"`                             // roll window slots
	TimerFlushIntervalMs                            int           `conf:"timerFlushIntervalMs,hot"`                        // flush period
	TimerGetMessageThreadNum                        int           `conf:"timerGetMessageThreadNum"`                        // threads
	TimerPutMessageThreadNum                        int           `conf:"timerPutMessageThreadNum"`                        // threads
	TimerEnableDisruptor                            bool          `conf:"timerEnableDisruptor"`                            // queue type
	TimerEnableCheckMetrics                         bool          `conf:"timerEnableCheckMetrics"`                         // revise metrics
	TimerInterceptDelayLevel                        bool          `conf:"timerInterceptDelayLevel"`                        // unused switch
	TimerMaxDelaySec                                int           `conf:"timerMaxDelaySec,hot"`                            // max delay
	TimerWheelEnable                                bool          `conf:"timerWheelEnable"`                                // timer wheel (needed by POP)
	DisappearTimeAfterStart                         int           `conf:"disappearTimeAfterStart"`                         // ms before registering/running, -1 none
	TimerStopEnqueue                                bool          `conf:"timerStopEnqueue,hot"`                            // pause
	TimerCheckMetricsWhen                           string        `conf:"timerCheckMetricsWhen"`                           // hour of check
	TimerSkipUnknownError                           bool          `conf:"timerSkipUnknownError,hot"`                       // drop on error
	TimerWarmEnable                                 bool          `conf:"timerWarmEnable"`                                 // prefetch
	TimerStopDequeue                                bool          `conf:"timerStopDequeue,hot"`                            // pause
	TimerEnableRetryUntilSuccess                    bool          `conf:"timerEnableRetryUntilSuccess,hot"`                // endless retry
	TimerCongestNumEachSlot                         int           `conf:"timerCongestNumEachSlot,hot"`                     // flow control N
	TimerMetricSmallThreshold                       int           `conf:"timerMetricSmallThreshold"`                       // metrics
	TimerProgressLogIntervalMs                      int           `conf:"timerProgressLogIntervalMs,hot"`                  // log
	StoreType                                       string        `conf:"storeType"`                                       // default, defaultRocksDB, combine
	MappedFileSizeConsumeQueue                      int           `conf:"mappedFileSizeConsumeQueue"`                      // rounded up to unit 20
	EnableConsumeQueueExt                           bool          `conf:"enableConsumeQueueExt"`                           // keep store time and bit map of each message beside its unit
	MappedFileSizeConsumeQueueExt                   int           `conf:"mappedFileSizeConsumeQueueExt"`                   // file size
	MapperFileSizeBatchConsumeQueue                 int           `conf:"mapperFileSizeBatchConsumeQueue"`                 // rounded to unit 46
	BitMapLengthConsumeQueueExt                     int           `conf:"bitMapLengthConsumeQueueExt"`                     // bits
	FlushIntervalCommitLog                          int           `conf:"flushIntervalCommitLog,hot"`                      // async flush ms
	CommitIntervalCommitLog                         int           `conf:"commitIntervalCommitLog"`                         // commit ms (transient pool)
	MaxRecoveryCommitlogFiles                       int           `conf:"maxRecoveryCommitlogFiles"`                       // recovery bound
	DiskSpaceWarningLevelRatio                      int           `conf:"diskSpaceWarningLevelRatio,hot"`                  // % stop writes
	DiskSpaceCleanForciblyRatio                     int           `conf:"diskSpaceCleanForciblyRatio,hot"`                 // % force clean
	UseReentrantLockWhenPutMessage                  bool          `conf:"useReentrantLockWhenPutMessage"`                  // lock type
	FlushCommitLogTimed                             bool          `conf:"flushCommitLogTimed,hot"`                         // fixed-rate flush
	FlushIntervalConsumeQueue                       int           `conf:"flushIntervalConsumeQueue,hot"`                   // ms
	CleanResourceInterval                           int           `conf:"cleanResourceInterval,hot"`                       // ms between cleanings
	DeleteCommitLogFilesInterval                    int           `conf:"deleteCommitLogFilesInterval,hot"`                // ms between file deletes
	DeleteConsumeQueueFilesInterval                 int           `conf:"deleteConsumeQueueFilesInterval,hot"`             // ms
	DestroyMapedFileIntervalForcibly                int           `conf:"destroyMapedFileIntervalForcibly,hot"`            // ms
	RedeleteHangedFileInterval                      int           `conf:"redeleteHangedFileInterval,hot"`                  // ms
	DeleteWhen                                      string        `conf:"deleteWhen,hot"`                                  // hours, `;` separated
	DiskMaxUsedSpaceRatio                           int           `conf:"diskMaxUsedSpaceRatio,hot"`                       // % clean trigger
	FileReservedTime                                int           `conf:"fileReservedTime,hot,h,min=0"`                    // hours; also transaction skip age; a negative one is refused
	DeleteFileBatchMax                              int           `conf:"deleteFileBatchMax,hot"`                          // files per round
	PutMsgIndexHightWater                           int           `conf:"putMsgIndexHightWater"`                           // unused
	MaxMessageSize                                  int           `conf:"maxMessageSize,hot"`                              // body limit bytes
	MaxFilterMessageSize                            int           `conf:"maxFilterMessageSize,hot"`                        // CQ bytes scanned per pull
	CheckCRCOnRecover                               bool          `conf:"checkCRCOnRecover"`                               // verify on recover
	FlushCommitLogLeastPages                        int           `conf:"flushCommitLogLeastPages,hot"`                    // pages
	CommitCommitLogLeastPages                       int           `conf:"commitCommitLogLeastPages"`                       // pages
	FlushLeastPagesWhenWarmMapedFile                int           `conf:"flushLeastPagesWhenWarmMapedFile"`                // pages
	FlushConsumeQueueLeastPages                     int           `conf:"flushConsumeQueueLeastPages,hot"`                 // pages
	FlushCommitLogThoroughInterval                  int           `conf:"flushCommitLogThoroughInterval,hot"`              // ms
	CommitCommitLogThoroughInterval                 int           `conf:"commitCommitLogThoroughInterval"`                 // ms
	FlushConsumeQueueThoroughInterval               int           `conf:"flushConsumeQueueThoroughInterval,hot"`           // ms
	MaxTransferBytesOnMessageInMemory               int           `conf:"maxTransferBytesOnMessageInMemory,hot"`           // pull batch bytes
	MaxTransferCountOnMessageInMemory               int           `conf:"maxTransferCountOnMessageInMemory,hot"`           // pull batch count
	MaxTransferBytesOnMessageInDisk                 int           `conf:"maxTransferBytesOnMessageInDisk,hot"`             // pull batch bytes, cold
	MaxTransferCountOnMessageInDisk                 int           `conf:"maxTransferCountOnMessageInDisk,hot"`             // pull batch count, cold
	AccessMessageInMemoryMaxRatio                   int           `conf:"accessMessageInMemoryMaxRatio,hot"`               // % RAM taken as hot
	MessageIndexEnable                              bool          `conf:"messageIndexEnable,hot"`                          // build index
	MaxHashSlotNum                                  int           `conf:"maxHashSlotNum"`                                  // index slots
	MaxIndexNum                                     int           `conf:"maxIndexNum"`                                     // index entries
	MaxMsgsNumBatch                                 int           `conf:"maxMsgsNumBatch,hot"`                             // query result cap
	MessageIndexSafe                                bool          `conf:"messageIndexSafe"`                                // recover index rule
	HaListenPort                                    int           `conf:"haListenPort"`                                    // listenPort+1 when 0
	HaSendHeartbeatInterval                         int           `conf:"haSendHeartbeatInterval,hot"`                     // ms
	HaHousekeepingInterval                          int           `conf:"haHousekeepingInterval,hot"`                      // ms
	HaTransferBatchSize                             int           `conf:"haTransferBatchSize,hot"`                         // bytes
	HaMasterAddress                                 string        `conf:"haMasterAddress,hot"`                             // slave: fixed master
	HaMaxGapNotInSync                               int           `conf:"haMaxGapNotInSync,hot"`                           // bytes
	BrokerRole                                      BrokerRole    `conf:"brokerRole"`                                      // ASYNC_MASTER, SYNC_MASTER, SLAVE
	FlushDiskType                                   FlushDiskType `conf:"flushDiskType"`                                   // ASYNC_FLUSH, SYNC_FLUSH
	SyncFlushTimeout                                int           `conf:"syncFlushTimeout,hot"`                            // ms
	PutMessageTimeout                               int           `conf:"putMessageTimeout,hot"`                           // ms (sync put wait)
	SlaveTimeout                                    int           `conf:"slaveTimeout,hot"`                                // ms
	MessageDelayLevel                               string        `conf:"messageDelayLevel"`                               // level table
	FlushDelayOffsetInterval                        int64         `conf:"flushDelayOffsetInterval,hot,ms"`                 // ms
	CleanFileForciblyEnable                         bool          `conf:"cleanFileForciblyEnable,hot"`                     // allow forced clean
	WarmMapedFileEnable                             bool          `conf:"warmMapedFileEnable"`                             // pre-touch
	OffsetCheckInSlave                              bool          `conf:"offsetCheckInSlave,hot"`                          // correct offsets on slave
	DebugLockEnable                                 bool          `conf:"debugLockEnable"`                                 // debug
	DuplicationEnable                               bool          `conf:"duplicationEnable"`                               // legacy
	DiskFallRecorded                                bool          `conf:"diskFallRecorded,hot"`                            // fall-behind stats, which are not there: no effect
	OsPageCacheBusyTimeOutMills                     int64         `conf:"osPageCacheBusyTimeOutMills,hot,ms"`              // page cache busy limit
	DefaultQueryMaxNum                              int           `conf:"defaultQueryMaxNum,hot"`                          // uniq key query cap
	TransientStorePoolEnable                        bool          `conf:"transientStorePoolEnable"`                        // off-heap pool (async master only)
	TransientStorePoolSize                          int           `conf:"transientStorePoolSize"`                          // buffers
	FastFailIfNoBufferInStorePool                   bool          `conf:"fastFailIfNoBufferInStorePool"`                   // reject when empty
	WriteWithoutMmap                                bool          `conf:"writeWithoutMmap"`                                // write mode
	EnableDLegerCommitLog                           bool          `conf:"enableDLegerCommitLog"`                           // DLedger
	DLegerGroup                                     string        `conf:"dLegerGroup"`                                     // DLedger
	DLegerPeers                                     string        `conf:"dLegerPeers"`                                     // DLedger
	DLegerSelfId                                    string        `conf:"dLegerSelfId"`                                    // DLedger
	PreferredLeaderId                               string        `conf:"preferredLeaderId"`                               // DLedger
	EnableBatchPush                                 bool          `conf:"enableBatchPush"`                                 // DLedger
	EnableScheduleMessageStats                      bool          `conf:"enableScheduleMessageStats"`                      // stats
	EnableLmq                                       bool          `conf:"enableLmq"`                                       // LMQ
	EnableMultiDispatch                             bool          `conf:"enableMultiDispatch"`                             // LMQ multi dispatch
	MaxLmqConsumeQueueNum                           int           `conf:"maxLmqConsumeQueueNum"`                           // LMQ limit
	EnableScheduleAsyncDeliver                      bool          `conf:"enableScheduleAsyncDeliver"`                      // async delay delivery
	ScheduleAsyncDeliverMaxPendingLimit             int           `conf:"scheduleAsyncDeliverMaxPendingLimit"`             // pending per level
	ScheduleAsyncDeliverMaxResendNum2Blocked        int           `conf:"scheduleAsyncDeliverMaxResendNum2Blocked"`        // resends
	MaxBatchDeleteFilesNum                          int           `conf:"maxBatchDeleteFilesNum,hot"`                      // files
	DispatchCqThreads                               int           `conf:"dispatchCqThreads"`                               // threads
	DispatchCqCacheNum                              int           `conf:"dispatchCqCacheNum"`                              // cache
	EnableAsyncReput                                bool          `conf:"enableAsyncReput"`                                // async reput
	RecheckReputOffsetFromCq                        bool          `conf:"recheckReputOffsetFromCq"`                        // recover
	MaxTopicLength                                  int           `conf:"maxTopicLength"`                                  // bytes
	AutoMessageVersionOnTopicLen                    bool          `conf:"autoMessageVersionOnTopicLen,hot"`                // v2 magic for long topics
	EnableRunningFlagsInFlush                       bool          `conf:"enableRunningFlagsInFlush"`                       // flush flag
	EnabledAppendPropCRC                            bool          `conf:"enabledAppendPropCRC,hot"`                        // append __CRC32# property
	ForceVerifyPropCRC                              bool          `conf:"forceVerifyPropCRC"`                              // verify it
	TravelCqFileNumWhenGetMessage                   int           `conf:"travelCqFileNumWhenGetMessage,hot"`               // CQ files per pull
	CorrectLogicMinOffsetSleepInterval              int           `conf:"correctLogicMinOffsetSleepInterval,hot"`          // ms
	CorrectLogicMinOffsetForceInterval              int           `conf:"correctLogicMinOffsetForceInterval,hot"`          // ms
	MappedFileSwapEnable                            bool          `conf:"mappedFileSwapEnable"`                            // mmap swap
	CommitLogForceSwapMapInterval                   int64         `conf:"commitLogForceSwapMapInterval"`                   // ms
	CommitLogSwapMapInterval                        int64         `conf:"commitLogSwapMapInterval"`                        // ms
	CommitLogSwapMapReserveFileNum                  int           `conf:"commitLogSwapMapReserveFileNum"`                  // files
	LogicQueueForceSwapMapInterval                  int64         `conf:"logicQueueForceSwapMapInterval"`                  // ms
	LogicQueueSwapMapInterval                       int64         `conf:"logicQueueSwapMapInterval"`                       // ms
	CleanSwapedMapInterval                          int64         `conf:"cleanSwapedMapInterval"`                          // ms
	LogicQueueSwapMapReserveFileNum                 int           `conf:"logicQueueSwapMapReserveFileNum"`                 // files
	SearchBcqByCacheEnable                          bool          `conf:"searchBcqByCacheEnable"`                          // cache
	DispatchFromSenderThread                        bool          `conf:"dispatchFromSenderThread"`                        // dispatch
	WakeCommitWhenPutMessage                        bool          `conf:"wakeCommitWhenPutMessage"`                        // wake
	WakeFlushWhenPutMessage                         bool          `conf:"wakeFlushWhenPutMessage,hot"`                     // wake
	EnableCleanExpiredOffset                        bool          `conf:"enableCleanExpiredOffset"`                        // clean
	MaxAsyncPutMessageRequests                      int           `conf:"maxAsyncPutMessageRequests"`                      // sync flush queue
	PullBatchMaxMessageCount                        int           `conf:"pullBatchMaxMessageCount,hot"`                    // batch CQ pulls
	TotalReplicas                                   int           `conf:"totalReplicas,hot"`                               // replica count
	InSyncReplicas                                  int           `conf:"inSyncReplicas,hot"`                              // acks needed (master counts)
	MinInSyncReplicas                               int           `conf:"minInSyncReplicas,hot"`                           // minimum
	AllAckInSyncStateSet                            bool          `conf:"allAckInSyncStateSet,hot"`                        // controller: all must ack
	EnableAutoInSyncReplicas                        bool          `conf:"enableAutoInSyncReplicas,hot"`                    // degrade automatically
	HaFlowControlEnable                             bool          `conf:"haFlowControlEnable,hot"`                         // HA flow control
	MaxHaTransferByteInSecond                       int64         `conf:"maxHaTransferByteInSecond,hot"`                   // bytes/s
	HaMaxTimeSlaveNotCatchup                        int64         `conf:"haMaxTimeSlaveNotCatchup,hot"`                    // ms
	SyncMasterFlushOffsetWhenStartup                bool          `conf:"syncMasterFlushOffsetWhenStartup"`                // slave start
	MaxChecksumRange                                int64         `conf:"maxChecksumRange"`                                // truncate check
	ReplicasPerDiskPartition                        int           `conf:"replicasPerDiskPartition"`                        // disk clean
	LogicalDiskSpaceCleanForciblyThreshold          float64       `conf:"logicalDiskSpaceCleanForciblyThreshold"`          // ratio
	MaxSlaveResendLength                            int64         `conf:"maxSlaveResendLength"`                            // bytes
	SyncFromLastFile                                bool          `conf:"syncFromLastFile"`                                // slave start
	AsyncLearner                                    bool          `conf:"asyncLearner"`                                    // learner
	MaxConsumeQueueScan                             int           `conf:"maxConsumeQueueScan,hot"`                         // lag estimate
	SampleCountThreshold                            int           `conf:"sampleCountThreshold,hot"`                        // lag estimate
	ColdDataFlowControlEnable                       bool          `conf:"coldDataFlowControlEnable,hot"`                   // cold control
	ColdDataScanEnable                              bool          `conf:"coldDataScanEnable,hot"`                          // page cache scan
	DataReadAheadEnable                             bool          `conf:"dataReadAheadEnable,hot"`                         // madvise mode
	TimerColdDataCheckIntervalMs                    int           `conf:"timerColdDataCheckIntervalMs"`                    // scan period
	SampleSteps                                     int           `conf:"sampleSteps"`                                     // scan step
	AccessMessageInMemoryHotRatio                   int           `conf:"accessMessageInMemoryHotRatio"`                   // % RAM hot
	EnableBuildConsumeQueueConcurrently             bool          `conf:"enableBuildConsumeQueueConcurrently"`             // parallel dispatch
	BatchDispatchRequestThreadPoolNums              int           `conf:"batchDispatchRequestThreadPoolNums"`              // threads
	CleanRocksDBDirtyCQIntervalMin                  int64         `conf:"cleanRocksDBDirtyCQIntervalMin"`                  // RocksDB
	StatRocksDBCQIntervalSec                        int64         `conf:"statRocksDBCQIntervalSec"`                        // RocksDB
	MemTableFlushIntervalMs                         int64         `conf:"memTableFlushIntervalMs"`                         // RocksDB
	RealTimePersistRocksDBConfig                    bool          `conf:"realTimePersistRocksDBConfig"`                    // RocksDB
	EnableRocksDBLog                                bool          `conf:"enableRocksDBLog"`                                // RocksDB
	TopicQueueLockNum                               int           `conf:"topicQueueLockNum"`                               // lock stripes
	ReadUnCommitted                                 bool          `conf:"readUnCommitted"`                                 // read transient data
	PutConsumeQueueDataByFileChannel                bool          `conf:"putConsumeQueueDataByFileChannel"`                // CQ write mode
	RocksdbCQDoubleWriteEnable                      bool          `conf:"rocksdbCQDoubleWriteEnable"`                      // RocksDB
	CombineCQLoadingCQTypes                         string        `conf:"combineCQLoadingCQTypes"`                         // combine store
	CombineCQPreferCQType                           string        `conf:"combineCQPreferCQType"`                           // combine store
	CombineAssignOffsetCQType                       string        `conf:"combineAssignOffsetCQType"`                       // combine store
	CombineCQEnableCheckSelf                        bool          `conf:"combineCQEnableCheckSelf"`                        // combine store
	CombineCQMaxExtraSearchCommitLogFiles           int           `conf:"combineCQMaxExtraSearchCommitLogFiles"`           // combine store
	BottomMostCompressionTypeForConsumeQueueStore   string        `conf:"bottomMostCompressionTypeForConsumeQueueStore"`   // RocksDB
	RocksdbCompressionType                          string        `conf:"rocksdbCompressionType"`                          // RocksDB
	RocksdbFlushWalFrequency                        int           `conf:"rocksdbFlushWalFrequency"`                        // RocksDB
	RocksdbWalFileRollingThreshold                  int64         `conf:"rocksdbWalFileRollingThreshold"`                  // RocksDB
	EnableAcceleratedRecovery                       bool          `conf:"enableAcceleratedRecovery"`                       // recovery
	SpinLockCollisionRetreatOptimalDegree           int           `conf:"spinLockCollisionRetreatOptimalDegree"`           // lock
	UseABSLock                                      bool          `conf:"useABSLock"`                                      // lock
	EnableLogConsumeQueueRepeatedlyBuildWhenRecover bool          `conf:"enableLogConsumeQueueRepeatedlyBuildWhenRecover"` // log
	AppendTopicForTimerDeleteKey                    bool          `conf:"appendTopicForTimerDeleteKey"`
	CheckCommitLogOffsetOnRecover                   bool          `conf:"checkCommitLogOffsetOnRecover"`
	CombineCQUseRocksdbForLmq                       bool          `conf:"combineCQUseRocksdbForLmq"`
	CommitLogRecoverMaxNum                          int           `conf:"commitLogRecoverMaxNum"`
	EnableLmqQuota                                  bool          `conf:"enableLmqQuota"`
	IndexFileReadEnable                             bool          `conf:"indexFileReadEnable,hot"`
	IndexFileWriteEnable                            bool          `conf:"indexFileWriteEnable,hot"`
	IndexRocksDBEnable                              bool          `conf:"indexRocksDBEnable"`
	IteratorWhenUseRocksdbConsumeQueue              bool          `conf:"iteratorWhenUseRocksdbConsumeQueue"`
	MaxRocksDBIndexQueryDays                        int           `conf:"maxRocksDBIndexQueryDays"`
	SharedByteBufferNum                             int           `conf:"sharedByteBufferNum"`
	TimerRecallToTimeWheelEnable                    bool          `conf:"timerRecallToTimeWheelEnable"`
	TimerRecallToTimelineEnable                     bool          `conf:"timerRecallToTimelineEnable"`
	TimerReputServiceCorePoolSize                   int           `conf:"timerReputServiceCorePoolSize"`
	TimerReputServiceMaxPoolSize                    int           `conf:"timerReputServiceMaxPoolSize"`
	TimerReputServiceQueueCapacity                  int           `conf:"timerReputServiceQueueCapacity"`
	TimerRocksDBEnable                              bool          `conf:"timerRocksDBEnable"`
	TimerRocksDBPrecisionMs                         int64         `conf:"timerRocksDBPrecisionMs"`
	TimerRocksDBRollIntervalHours                   int           `conf:"timerRocksDBRollIntervalHours"`
	TimerRocksDBRollMaxTps                          float64       `conf:"timerRocksDBRollMaxTps"`
	TimerRocksDBRollRangeHours                      int           `conf:"timerRocksDBRollRangeHours"`
	TimerRocksDBStopScan                            bool          `conf:"timerRocksDBStopScan"`
	TimerRocksDBTimeExpiredMaxTps                   float64       `conf:"timerRocksDBTimeExpiredMaxTps"`
	TimerWheelSnapshotFlush                         bool          `conf:"timerWheelSnapshotFlush"`
	TimerWheelSnapshotIntervalMs                    int           `conf:"timerWheelSnapshotIntervalMs"`
	TransRocksDBEnable                              bool          `conf:"transRocksDBEnable"`
	TransWriteOriginTransHalfEnable                 bool          `conf:"transWriteOriginTransHalfEnable"`
	UseSeparateStorePathForRocksdbCQ                bool          `conf:"useSeparateStorePathForRocksdbCQ"`

	// Ours.

	// DiskFreeWarningBytes: messages are refused while less is left of the log's disk; 0: diskSpaceWarningLevelRatio decides.
	DiskFreeWarningBytes int64 `conf:"diskFreeWarningBytes,hot"`
	// DiskFreeCleanForciblyBytes: the oldest log files are deleted while less is left; 0: diskSpaceCleanForciblyRatio decides.
	DiskFreeCleanForciblyBytes int64 `conf:"diskFreeCleanForciblyBytes,hot"`
	// ProtectUnconsumedEnable: a disk that fills up does not cost messages that a group has not consumed; rather new ones are refused. Files older than fileReservedTime go all the same.
	ProtectUnconsumedEnable bool `conf:"protectUnconsumedEnable,hot"`
}

// Defaults are the settings of a broker without a configuration file. The root
// directory is the caller's to fill in: it depends on the home of the user.
func Defaults() Config {
	return Config{
		StorePathRootDir:                              "~/store",
		MappedFileSizeCommitLog:                       1073741824,
		CompactionMappedFileSize:                      104857600,
		CompactionCqMappedFileSize:                    10485760,
		CompactionScheduleInternal:                    900000,
		MaxOffsetMapSize:                              104857600,
		CompactionThreadNum:                           6,
		EnableCompaction:                              true,
		MappedFileSizeTimerLog:                        104857600,
		TimerPrecisionMs:                              1000,
		TimerRollWindowSlot:                           172800,
		TimerFlushIntervalMs:                          1000,
		TimerGetMessageThreadNum:                      3,
		TimerPutMessageThreadNum:                      3,
		TimerEnableCheckMetrics:                       true,
		TimerMaxDelaySec:                              259200,
		TimerWheelEnable:                              true,
		DisappearTimeAfterStart:                       -1,
		TimerCheckMetricsWhen:                         "05",
		TimerCongestNumEachSlot:                       2147483647,
		TimerMetricSmallThreshold:                     1000000,
		TimerProgressLogIntervalMs:                    10000,
		StoreType:                                     "default",
		MappedFileSizeConsumeQueue:                    6000000,
		MappedFileSizeConsumeQueueExt:                 50331648,
		MapperFileSizeBatchConsumeQueue:               13800000,
		BitMapLengthConsumeQueueExt:                   64,
		FlushIntervalCommitLog:                        500,
		CommitIntervalCommitLog:                       200,
		MaxRecoveryCommitlogFiles:                     30,
		DiskSpaceWarningLevelRatio:                    90,
		DiskSpaceCleanForciblyRatio:                   85,
		UseReentrantLockWhenPutMessage:                true,
		FlushCommitLogTimed:                           true,
		FlushIntervalConsumeQueue:                     1000,
		CleanResourceInterval:                         10000,
		DeleteCommitLogFilesInterval:                  100,
		DeleteConsumeQueueFilesInterval:               100,
		DestroyMapedFileIntervalForcibly:              120000,
		RedeleteHangedFileInterval:                    120000,
		DeleteWhen:                                    "04",
		DiskMaxUsedSpaceRatio:                         75,
		FileReservedTime:                              72,
		DeleteFileBatchMax:                            10,
		PutMsgIndexHightWater:                         600000,
		MaxMessageSize:                                4194304,
		MaxFilterMessageSize:                          16000,
		CheckCRCOnRecover:                             true,
		FlushCommitLogLeastPages:                      4,
		CommitCommitLogLeastPages:                     4,
		FlushLeastPagesWhenWarmMapedFile:              4096,
		FlushConsumeQueueLeastPages:                   2,
		FlushCommitLogThoroughInterval:                10000,
		CommitCommitLogThoroughInterval:               200,
		FlushConsumeQueueThoroughInterval:             60000,
		MaxTransferBytesOnMessageInMemory:             262144,
		MaxTransferCountOnMessageInMemory:             32,
		MaxTransferBytesOnMessageInDisk:               65536,
		MaxTransferCountOnMessageInDisk:               8,
		AccessMessageInMemoryMaxRatio:                 40,
		MessageIndexEnable:                            true,
		MaxHashSlotNum:                                5000000,
		MaxIndexNum:                                   20000000,
		MaxMsgsNumBatch:                               64,
		HaSendHeartbeatInterval:                       5000,
		HaHousekeepingInterval:                        20000,
		HaTransferBatchSize:                           32768,
		HaMaxGapNotInSync:                             268435456,
		BrokerRole:                                    AsyncMaster,
		FlushDiskType:                                 AsyncFlush,
		SyncFlushTimeout:                              5000,
		PutMessageTimeout:                             8000,
		SlaveTimeout:                                  3000,
		MessageDelayLevel:                             "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
		FlushDelayOffsetInterval:                      10000,
		CleanFileForciblyEnable:                       true,
		DiskFallRecorded:                              true,
		OsPageCacheBusyTimeOutMills:                   1000,
		DefaultQueryMaxNum:                            32,
		TransientStorePoolSize:                        5,
		EnableScheduleMessageStats:                    true,
		MaxLmqConsumeQueueNum:                         20000,
		ScheduleAsyncDeliverMaxPendingLimit:           2000,
		ScheduleAsyncDeliverMaxResendNum2Blocked:      3,
		MaxBatchDeleteFilesNum:                        50,
		DispatchCqThreads:                             10,
		DispatchCqCacheNum:                            4096,
		EnableAsyncReput:                              true,
		MaxTopicLength:                                127,
		AutoMessageVersionOnTopicLen:                  true,
		TravelCqFileNumWhenGetMessage:                 1,
		CorrectLogicMinOffsetSleepInterval:            1,
		CorrectLogicMinOffsetForceInterval:            300000,
		MappedFileSwapEnable:                          true,
		CommitLogForceSwapMapInterval:                 43200000,
		CommitLogSwapMapInterval:                      3600000,
		CommitLogSwapMapReserveFileNum:                100,
		LogicQueueForceSwapMapInterval:                43200000,
		LogicQueueSwapMapInterval:                     3600000,
		CleanSwapedMapInterval:                        300000,
		LogicQueueSwapMapReserveFileNum:               20,
		SearchBcqByCacheEnable:                        true,
		WakeCommitWhenPutMessage:                      true,
		MaxAsyncPutMessageRequests:                    5000,
		PullBatchMaxMessageCount:                      160,
		TotalReplicas:                                 1,
		InSyncReplicas:                                1,
		MinInSyncReplicas:                             1,
		MaxHaTransferByteInSecond:                     104857600,
		HaMaxTimeSlaveNotCatchup:                      15000,
		MaxChecksumRange:                              1073741824,
		ReplicasPerDiskPartition:                      1,
		LogicalDiskSpaceCleanForciblyThreshold:        0.8,
		MaxSlaveResendLength:                          268435456,
		MaxConsumeQueueScan:                           20000,
		SampleCountThreshold:                          5000,
		DataReadAheadEnable:                           true,
		TimerColdDataCheckIntervalMs:                  60000,
		SampleSteps:                                   32,
		AccessMessageInMemoryHotRatio:                 26,
		BatchDispatchRequestThreadPoolNums:            16,
		CleanRocksDBDirtyCQIntervalMin:                60,
		StatRocksDBCQIntervalSec:                      10,
		MemTableFlushIntervalMs:                       3600000,
		RealTimePersistRocksDBConfig:                  true,
		TopicQueueLockNum:                             32,
		PutConsumeQueueDataByFileChannel:              true,
		CombineCQLoadingCQTypes:                       "default;defaultRocksDB",
		CombineCQPreferCQType:                         "default",
		CombineAssignOffsetCQType:                     "default",
		CombineCQMaxExtraSearchCommitLogFiles:         3,
		BottomMostCompressionTypeForConsumeQueueStore: "zstd",
		RocksdbCompressionType:                        "lz4",
		RocksdbFlushWalFrequency:                      1024,
		RocksdbWalFileRollingThreshold:                1 << 30,
		SpinLockCollisionRetreatOptimalDegree:         1000,
		CommitLogRecoverMaxNum:                        10,
		IndexFileReadEnable:                           true,
		IndexFileWriteEnable:                          true,
		IteratorWhenUseRocksdbConsumeQueue:            true,
		MaxRocksDBIndexQueryDays:                      7,
		SharedByteBufferNum:                           16,
		TimerRecallToTimeWheelEnable:                  true,
		TimerRecallToTimelineEnable:                   true,
		TimerReputServiceCorePoolSize:                 6,
		TimerReputServiceMaxPoolSize:                  6,
		TimerReputServiceQueueCapacity:                10000,
		TimerRocksDBPrecisionMs:                       1000,
		TimerRocksDBRollIntervalHours:                 1,
		TimerRocksDBRollMaxTps:                        8000.0,
		TimerRocksDBRollRangeHours:                    2,
		TimerRocksDBTimeExpiredMaxTps:                 200000.0,
		TimerWheelSnapshotIntervalMs:                  10000,
		TransWriteOriginTransHalfEnable:               true,
	}
}
