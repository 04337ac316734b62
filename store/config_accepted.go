package store

// Accepted are the settings of MessageStoreConfig 5.5.0 that this store knows by name and does not act on: of parts that it does not have,
// and of ways in which Java's works. They are read and shown with Java's types and defaults, and all may change at
// any time, for nothing waits for a start; what a store directory or a start must not go on with says takeover.go, the only one to read some.
//
// A setting moves to Config when something begins to read it.
type Accepted struct {
	CompactionMappedFileSize                        int     `conf:"compactionMappedFileSize,hot"`                        // compaction log file
	CompactionCqMappedFileSize                      int     `conf:"compactionCqMappedFileSize,hot"`                      // compaction CQ file
	CompactionScheduleInternal                      int     `conf:"compactionScheduleInternal,hot"`                      // compaction period ms
	MaxOffsetMapSize                                int     `conf:"maxOffsetMapSize,hot"`                                // compaction map bytes
	CompactionThreadNum                             int     `conf:"compactionThreadNum,hot"`                             // threads
	EnableCompaction                                bool    `conf:"enableCompaction,hot"`                                // compaction topics
	TimerRollWindowSlot                             int     `conf:"timerRollWindowSlot,hot"`                             // roll window slots
	TimerFlushIntervalMs                            int     `conf:"timerFlushIntervalMs,hot"`                            // flush period
	TimerGetMessageThreadNum                        int     `conf:"timerGetMessageThreadNum,hot"`                        // threads
	TimerPutMessageThreadNum                        int     `conf:"timerPutMessageThreadNum,hot"`                        // threads
	TimerEnableDisruptor                            bool    `conf:"timerEnableDisruptor,hot"`                            // queue type
	TimerEnableCheckMetrics                         bool    `conf:"timerEnableCheckMetrics,hot"`                         // revise metrics
	TimerInterceptDelayLevel                        bool    `conf:"timerInterceptDelayLevel,hot"`                        // unused switch
	TimerMaxDelaySec                                int     `conf:"timerMaxDelaySec,hot"`                                // max delay
	DisappearTimeAfterStart                         int     `conf:"disappearTimeAfterStart,hot"`                         // ms before registering/running, -1 none
	TimerStopEnqueue                                bool    `conf:"timerStopEnqueue,hot"`                                // pause
	TimerCheckMetricsWhen                           string  `conf:"timerCheckMetricsWhen,hot"`                           // hour of check
	TimerSkipUnknownError                           bool    `conf:"timerSkipUnknownError,hot"`                           // drop on error
	TimerWarmEnable                                 bool    `conf:"timerWarmEnable,hot"`                                 // prefetch
	TimerStopDequeue                                bool    `conf:"timerStopDequeue,hot"`                                // pause
	TimerEnableRetryUntilSuccess                    bool    `conf:"timerEnableRetryUntilSuccess,hot"`                    // endless retry
	TimerCongestNumEachSlot                         int     `conf:"timerCongestNumEachSlot,hot"`                         // flow control N
	TimerMetricSmallThreshold                       int     `conf:"timerMetricSmallThreshold,hot"`                       // metrics
	TimerProgressLogIntervalMs                      int     `conf:"timerProgressLogIntervalMs,hot"`                      // log
	StoreType                                       string  `conf:"storeType,hot"`                                       // RocksDB: other than default stops the start
	BitMapLengthConsumeQueueExt                     int     `conf:"bitMapLengthConsumeQueueExt,hot"`                     // bits
	CommitIntervalCommitLog                         int     `conf:"commitIntervalCommitLog,hot"`                         // commit ms (transient pool)
	MaxRecoveryCommitlogFiles                       int     `conf:"maxRecoveryCommitlogFiles,hot"`                       // recovery bound
	UseReentrantLockWhenPutMessage                  bool    `conf:"useReentrantLockWhenPutMessage,hot"`                  // lock type
	FlushCommitLogTimed                             bool    `conf:"flushCommitLogTimed,hot"`                             // fixed-rate flush
	DestroyMapedFileIntervalForcibly                int     `conf:"destroyMapedFileIntervalForcibly,hot"`                // ms
	RedeleteHangedFileInterval                      int     `conf:"redeleteHangedFileInterval,hot"`                      // ms
	PutMsgIndexHightWater                           int     `conf:"putMsgIndexHightWater,hot"`                           // unused
	CommitCommitLogLeastPages                       int     `conf:"commitCommitLogLeastPages,hot"`                       // pages
	FlushLeastPagesWhenWarmMapedFile                int     `conf:"flushLeastPagesWhenWarmMapedFile,hot"`                // pages
	CommitCommitLogThoroughInterval                 int     `conf:"commitCommitLogThoroughInterval,hot"`                 // ms
	HaSendHeartbeatInterval                         int     `conf:"haSendHeartbeatInterval,hot"`                         // ms
	HaHousekeepingInterval                          int     `conf:"haHousekeepingInterval,hot"`                          // ms
	HaTransferBatchSize                             int     `conf:"haTransferBatchSize,hot"`                             // bytes
	HaMasterAddress                                 string  `conf:"haMasterAddress,hot"`                                 // slave: fixed master
	HaMaxGapNotInSync                               int     `conf:"haMaxGapNotInSync,hot"`                               // bytes
	PutMessageTimeout                               int     `conf:"putMessageTimeout,hot"`                               // ms (sync put wait)
	SlaveTimeout                                    int     `conf:"slaveTimeout,hot"`                                    // ms
	WarmMapedFileEnable                             bool    `conf:"warmMapedFileEnable,hot"`                             // pre-touch
	DebugLockEnable                                 bool    `conf:"debugLockEnable,hot"`                                 // debug
	DuplicationEnable                               bool    `conf:"duplicationEnable,hot"`                               // true stops the start
	DiskFallRecorded                                bool    `conf:"diskFallRecorded,hot"`                                // statistics of how far behind reads are
	TransientStorePoolEnable                        bool    `conf:"transientStorePoolEnable,hot"`                        // messages are in the page cache at once; a warning at start
	TransientStorePoolSize                          int     `conf:"transientStorePoolSize,hot"`                          // buffers
	FastFailIfNoBufferInStorePool                   bool    `conf:"fastFailIfNoBufferInStorePool,hot"`                   // reject when empty
	WriteWithoutMmap                                bool    `conf:"writeWithoutMmap,hot"`                                // files are always written by calls
	EnableDLegerCommitLog                           bool    `conf:"enableDLegerCommitLog,hot"`                           // DLedger: true stops the start
	DLegerGroup                                     string  `conf:"dLegerGroup,hot"`                                     // DLedger
	DLegerPeers                                     string  `conf:"dLegerPeers,hot"`                                     // DLedger
	DLegerSelfId                                    string  `conf:"dLegerSelfId,hot"`                                    // DLedger
	PreferredLeaderId                               string  `conf:"preferredLeaderId,hot"`                               // DLedger
	EnableBatchPush                                 bool    `conf:"enableBatchPush,hot"`                                 // DLedger
	EnableScheduleAsyncDeliver                      bool    `conf:"enableScheduleAsyncDeliver,hot"`                      // async delay delivery
	ScheduleAsyncDeliverMaxPendingLimit             int     `conf:"scheduleAsyncDeliverMaxPendingLimit,hot"`             // pending per level
	ScheduleAsyncDeliverMaxResendNum2Blocked        int     `conf:"scheduleAsyncDeliverMaxResendNum2Blocked,hot"`        // resends
	MaxBatchDeleteFilesNum                          int     `conf:"maxBatchDeleteFilesNum,hot"`                          // files
	DispatchCqThreads                               int     `conf:"dispatchCqThreads,hot"`                               // threads
	DispatchCqCacheNum                              int     `conf:"dispatchCqCacheNum,hot"`                              // cache
	EnableAsyncReput                                bool    `conf:"enableAsyncReput,hot"`                                // async reput
	RecheckReputOffsetFromCq                        bool    `conf:"recheckReputOffsetFromCq,hot"`                        // recover
	MaxTopicLength                                  int     `conf:"maxTopicLength,hot"`                                  // bytes
	EnableRunningFlagsInFlush                       bool    `conf:"enableRunningFlagsInFlush,hot"`                       // flush flag
	CorrectLogicMinOffsetSleepInterval              int     `conf:"correctLogicMinOffsetSleepInterval,hot"`              // ms
	CorrectLogicMinOffsetForceInterval              int     `conf:"correctLogicMinOffsetForceInterval,hot"`              // ms
	MappedFileSwapEnable                            bool    `conf:"mappedFileSwapEnable,hot"`                            // mmap swap
	CommitLogForceSwapMapInterval                   int64   `conf:"commitLogForceSwapMapInterval,hot"`                   // ms
	CommitLogSwapMapInterval                        int64   `conf:"commitLogSwapMapInterval,hot"`                        // ms
	CommitLogSwapMapReserveFileNum                  int     `conf:"commitLogSwapMapReserveFileNum,hot"`                  // files
	LogicQueueForceSwapMapInterval                  int64   `conf:"logicQueueForceSwapMapInterval,hot"`                  // ms
	LogicQueueSwapMapInterval                       int64   `conf:"logicQueueSwapMapInterval,hot"`                       // ms
	CleanSwapedMapInterval                          int64   `conf:"cleanSwapedMapInterval,hot"`                          // ms
	LogicQueueSwapMapReserveFileNum                 int     `conf:"logicQueueSwapMapReserveFileNum,hot"`                 // files
	SearchBcqByCacheEnable                          bool    `conf:"searchBcqByCacheEnable,hot"`                          // cache
	DispatchFromSenderThread                        bool    `conf:"dispatchFromSenderThread,hot"`                        // dispatch
	WakeCommitWhenPutMessage                        bool    `conf:"wakeCommitWhenPutMessage,hot"`                        // wake
	WakeFlushWhenPutMessage                         bool    `conf:"wakeFlushWhenPutMessage,hot"`                         // wake
	EnableCleanExpiredOffset                        bool    `conf:"enableCleanExpiredOffset,hot"`                        // clean
	MaxAsyncPutMessageRequests                      int     `conf:"maxAsyncPutMessageRequests,hot"`                      // sync flush queue
	PullBatchMaxMessageCount                        int     `conf:"pullBatchMaxMessageCount,hot"`                        // batch CQ pulls
	InSyncReplicas                                  int     `conf:"inSyncReplicas,hot"`                                  // above 1 with brokerRole=SYNC_MASTER stops the start
	MinInSyncReplicas                               int     `conf:"minInSyncReplicas,hot"`                               // minimum
	AllAckInSyncStateSet                            bool    `conf:"allAckInSyncStateSet,hot"`                            // controller: all must ack
	EnableAutoInSyncReplicas                        bool    `conf:"enableAutoInSyncReplicas,hot"`                        // degrade automatically
	HaFlowControlEnable                             bool    `conf:"haFlowControlEnable,hot"`                             // HA flow control
	MaxHaTransferByteInSecond                       int64   `conf:"maxHaTransferByteInSecond,hot"`                       // bytes/s
	HaMaxTimeSlaveNotCatchup                        int64   `conf:"haMaxTimeSlaveNotCatchup,hot"`                        // ms
	SyncMasterFlushOffsetWhenStartup                bool    `conf:"syncMasterFlushOffsetWhenStartup,hot"`                // slave start
	MaxChecksumRange                                int64   `conf:"maxChecksumRange,hot"`                                // truncate check
	ReplicasPerDiskPartition                        int     `conf:"replicasPerDiskPartition,hot"`                        // disk clean
	LogicalDiskSpaceCleanForciblyThreshold          float64 `conf:"logicalDiskSpaceCleanForciblyThreshold,hot"`          // ratio
	MaxSlaveResendLength                            int64   `conf:"maxSlaveResendLength,hot"`                            // bytes
	SyncFromLastFile                                bool    `conf:"syncFromLastFile,hot"`                                // slave start
	AsyncLearner                                    bool    `conf:"asyncLearner,hot"`                                    // learner
	MaxConsumeQueueScan                             int     `conf:"maxConsumeQueueScan,hot"`                             // lag estimate
	SampleCountThreshold                            int     `conf:"sampleCountThreshold,hot"`                            // lag estimate
	ColdDataFlowControlEnable                       bool    `conf:"coldDataFlowControlEnable,hot"`                       // a warning at start
	ColdDataScanEnable                              bool    `conf:"coldDataScanEnable,hot"`                              // page cache scan
	DataReadAheadEnable                             bool    `conf:"dataReadAheadEnable,hot"`                             // madvise mode
	TimerColdDataCheckIntervalMs                    int     `conf:"timerColdDataCheckIntervalMs,hot"`                    // scan period
	SampleSteps                                     int     `conf:"sampleSteps,hot"`                                     // scan step
	AccessMessageInMemoryHotRatio                   int     `conf:"accessMessageInMemoryHotRatio,hot"`                   // % RAM hot
	EnableBuildConsumeQueueConcurrently             bool    `conf:"enableBuildConsumeQueueConcurrently,hot"`             // parallel dispatch
	BatchDispatchRequestThreadPoolNums              int     `conf:"batchDispatchRequestThreadPoolNums,hot"`              // threads
	CleanRocksDBDirtyCQIntervalMin                  int64   `conf:"cleanRocksDBDirtyCQIntervalMin,hot"`                  // RocksDB
	StatRocksDBCQIntervalSec                        int64   `conf:"statRocksDBCQIntervalSec,hot"`                        // RocksDB
	MemTableFlushIntervalMs                         int64   `conf:"memTableFlushIntervalMs,hot"`                         // RocksDB
	RealTimePersistRocksDBConfig                    bool    `conf:"realTimePersistRocksDBConfig,hot"`                    // RocksDB
	EnableRocksDBLog                                bool    `conf:"enableRocksDBLog,hot"`                                // RocksDB
	TopicQueueLockNum                               int     `conf:"topicQueueLockNum,hot"`                               // lock stripes
	ReadUnCommitted                                 bool    `conf:"readUnCommitted,hot"`                                 // read transient data
	PutConsumeQueueDataByFileChannel                bool    `conf:"putConsumeQueueDataByFileChannel,hot"`                // CQ write mode
	RocksdbCQDoubleWriteEnable                      bool    `conf:"rocksdbCQDoubleWriteEnable,hot"`                      // RocksDB: true stops the start
	CombineCQLoadingCQTypes                         string  `conf:"combineCQLoadingCQTypes,hot"`                         // combine store
	CombineCQPreferCQType                           string  `conf:"combineCQPreferCQType,hot"`                           // combine store
	CombineAssignOffsetCQType                       string  `conf:"combineAssignOffsetCQType,hot"`                       // combine store
	CombineCQEnableCheckSelf                        bool    `conf:"combineCQEnableCheckSelf,hot"`                        // combine store
	CombineCQMaxExtraSearchCommitLogFiles           int     `conf:"combineCQMaxExtraSearchCommitLogFiles,hot"`           // combine store
	BottomMostCompressionTypeForConsumeQueueStore   string  `conf:"bottomMostCompressionTypeForConsumeQueueStore,hot"`   // RocksDB
	RocksdbCompressionType                          string  `conf:"rocksdbCompressionType,hot"`                          // RocksDB
	RocksdbFlushWalFrequency                        int     `conf:"rocksdbFlushWalFrequency,hot"`                        // RocksDB
	RocksdbWalFileRollingThreshold                  int64   `conf:"rocksdbWalFileRollingThreshold,hot"`                  // RocksDB
	EnableAcceleratedRecovery                       bool    `conf:"enableAcceleratedRecovery,hot"`                       // recovery
	SpinLockCollisionRetreatOptimalDegree           int     `conf:"spinLockCollisionRetreatOptimalDegree,hot"`           // lock
	UseABSLock                                      bool    `conf:"useABSLock,hot"`                                      // lock
	EnableLogConsumeQueueRepeatedlyBuildWhenRecover bool    `conf:"enableLogConsumeQueueRepeatedlyBuildWhenRecover,hot"` // log
	AppendTopicForTimerDeleteKey                    bool    `conf:"appendTopicForTimerDeleteKey,hot"`                    // recall key
	CheckCommitLogOffsetOnRecover                   bool    `conf:"checkCommitLogOffsetOnRecover,hot"`                   // recovery
	CombineCQUseRocksdbForLmq                       bool    `conf:"combineCQUseRocksdbForLmq,hot"`                       // combine store
	IndexFileReadEnable                             bool    `conf:"indexFileReadEnable,hot"`                             // queries always read the index
	IndexRocksDBEnable                              bool    `conf:"indexRocksDBEnable,hot"`                              // RocksDB: true stops the start
	IteratorWhenUseRocksdbConsumeQueue              bool    `conf:"iteratorWhenUseRocksdbConsumeQueue,hot"`              // RocksDB
	MaxRocksDBIndexQueryDays                        int     `conf:"maxRocksDBIndexQueryDays,hot"`                        // RocksDB
	SharedByteBufferNum                             int     `conf:"sharedByteBufferNum,hot"`                             // buffers
	TimerRecallToTimeWheelEnable                    bool    `conf:"timerRecallToTimeWheelEnable,hot"`                    // recall
	TimerRecallToTimelineEnable                     bool    `conf:"timerRecallToTimelineEnable,hot"`                     // recall
	TimerReputServiceCorePoolSize                   int     `conf:"timerReputServiceCorePoolSize,hot"`                   // threads
	TimerReputServiceMaxPoolSize                    int     `conf:"timerReputServiceMaxPoolSize,hot"`                    // threads
	TimerReputServiceQueueCapacity                  int     `conf:"timerReputServiceQueueCapacity,hot"`                  // queue length
	TimerRocksDBEnable                              bool    `conf:"timerRocksDBEnable,hot"`                              // RocksDB: true stops the start
	TimerRocksDBPrecisionMs                         int64   `conf:"timerRocksDBPrecisionMs,hot"`                         // RocksDB
	TimerRocksDBRollIntervalHours                   int     `conf:"timerRocksDBRollIntervalHours,hot"`                   // RocksDB
	TimerRocksDBRollMaxTps                          float64 `conf:"timerRocksDBRollMaxTps,hot"`                          // RocksDB
	TimerRocksDBRollRangeHours                      int     `conf:"timerRocksDBRollRangeHours,hot"`                      // RocksDB
	TimerRocksDBStopScan                            bool    `conf:"timerRocksDBStopScan,hot"`                            // RocksDB
	TimerRocksDBTimeExpiredMaxTps                   float64 `conf:"timerRocksDBTimeExpiredMaxTps,hot"`                   // RocksDB
	TimerWheelSnapshotFlush                         bool    `conf:"timerWheelSnapshotFlush,hot"`                         // write whole copies of the wheel
	TimerWheelSnapshotIntervalMs                    int     `conf:"timerWheelSnapshotIntervalMs,hot"`                    // ms between copies
	TransRocksDBEnable                              bool    `conf:"transRocksDBEnable,hot"`                              // RocksDB: true stops the start
	TransWriteOriginTransHalfEnable                 bool    `conf:"transWriteOriginTransHalfEnable,hot"`                 // RocksDB
	UseSeparateStorePathForRocksdbCQ                bool    `conf:"useSeparateStorePathForRocksdbCQ,hot"`                // RocksDB
}

// defaultAccepted has Java's defaults.
func defaultAccepted() Accepted {
	return Accepted{
		CompactionMappedFileSize:                      104857600,
		CompactionCqMappedFileSize:                    10485760,
		CompactionScheduleInternal:                    900000,
		MaxOffsetMapSize:                              104857600,
		CompactionThreadNum:                           6,
		EnableCompaction:                              true,
		TimerRollWindowSlot:                           172800,
		TimerFlushIntervalMs:                          1000,
		TimerGetMessageThreadNum:                      3,
		TimerPutMessageThreadNum:                      3,
		TimerEnableCheckMetrics:                       true,
		TimerMaxDelaySec:                              259200,
		DisappearTimeAfterStart:                       -1,
		TimerCheckMetricsWhen:                         "05",
		TimerCongestNumEachSlot:                       2147483647,
		TimerMetricSmallThreshold:                     1000000,
		TimerProgressLogIntervalMs:                    10000,
		StoreType:                                     "default",
		BitMapLengthConsumeQueueExt:                   64,
		CommitIntervalCommitLog:                       200,
		MaxRecoveryCommitlogFiles:                     30,
		UseReentrantLockWhenPutMessage:                true,
		FlushCommitLogTimed:                           true,
		DestroyMapedFileIntervalForcibly:              120000,
		RedeleteHangedFileInterval:                    120000,
		PutMsgIndexHightWater:                         600000,
		CommitCommitLogLeastPages:                     4,
		FlushLeastPagesWhenWarmMapedFile:              4096,
		CommitCommitLogThoroughInterval:               200,
		HaSendHeartbeatInterval:                       5000,
		HaHousekeepingInterval:                        20000,
		HaTransferBatchSize:                           32768,
		HaMaxGapNotInSync:                             268435456,
		PutMessageTimeout:                             8000,
		SlaveTimeout:                                  3000,
		DiskFallRecorded:                              true,
		TransientStorePoolSize:                        5,
		ScheduleAsyncDeliverMaxPendingLimit:           2000,
		ScheduleAsyncDeliverMaxResendNum2Blocked:      3,
		MaxBatchDeleteFilesNum:                        50,
		DispatchCqThreads:                             10,
		DispatchCqCacheNum:                            4096,
		EnableAsyncReput:                              true,
		MaxTopicLength:                                127,
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
		IndexFileReadEnable:                           true,
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
