package store

// Config is MessageStoreConfig of RocketMQ 5.5.0, with a few of ours at its end: every name it has, so that a
// configuration file and getBrokerConfig show one list, with its defaults.
// Settings marked hot are read where they are used and may change while the
// store is open; the others are read once, by Open. Those that nothing acts on are in Accepted.
type Config struct {
	StorePathRootDir                  string        `conf:"storePathRootDir"`                      // where everything is, but for a log that storePathCommitLog names
	StorePathCommitLog                string        `conf:"storePathCommitLog"`                    // default root/commitlog; comma = several, in turn where there is room
	StorePathDLedgerCommitLog         string        `conf:"storePathDLedgerCommitLog"`             // where a log of DLedger is looked for, which stops the start
	StorePathEpochFile                string        `conf:"storePathEpochFile"`                    // where a controller's file is looked for by a take-over
	StorePathBrokerIdentity           string        `conf:"storePathBrokerIdentity"`               // where a controller's file is looked for by a take-over
	ReadOnlyCommitLogStorePaths       string        `conf:"readOnlyCommitLogStorePaths"`           // paths of the log in which no files are made; also of those that storePathCommitLog names
	MappedFileSizeCommitLog           int           `conf:"mappedFileSizeCommitLog"`               // bytes per file
	MappedFileSizeTimerLog            int           `conf:"mappedFileSizeTimerLog"`                // bytes per file, for who looks at what a timer wheel has left
	TimerPrecisionMs                  int           `conf:"timerPrecisionMs"`                      // of the wheel whose waiting messages a take-over counts
	TimerWheelEnable                  bool          `conf:"timerWheelEnable"`                      // timer wheel (needed by POP)
	MappedFileSizeConsumeQueue        int           `conf:"mappedFileSizeConsumeQueue"`            // bytes per file, rounded up to units of 20
	EnableConsumeQueueExt             bool          `conf:"enableConsumeQueueExt"`                 // keep store time and bit map of each message beside its unit
	MappedFileSizeConsumeQueueExt     int           `conf:"mappedFileSizeConsumeQueueExt"`         // bytes per file
	MapperFileSizeBatchConsumeQueue   int           `conf:"mapperFileSizeBatchConsumeQueue"`       // bytes per file, rounded to units of 46
	FlushIntervalCommitLog            int           `conf:"flushIntervalCommitLog,hot"`            // ms between flushes of ASYNC_FLUSH
	DiskSpaceWarningLevelRatio        int           `conf:"diskSpaceWarningLevelRatio,hot"`        // % stop writes
	DiskSpaceCleanForciblyRatio       int           `conf:"diskSpaceCleanForciblyRatio,hot"`       // % force clean
	FlushIntervalConsumeQueue         int           `conf:"flushIntervalConsumeQueue,hot"`         // ms between flushes of queues
	CleanResourceInterval             int           `conf:"cleanResourceInterval,hot"`             // ms between cleanings
	DeleteCommitLogFilesInterval      int           `conf:"deleteCommitLogFilesInterval,hot"`      // ms between file deletes
	DeleteConsumeQueueFilesInterval   int           `conf:"deleteConsumeQueueFilesInterval,hot"`   // ms between file deletes
	DeleteWhen                        string        `conf:"deleteWhen,hot"`                        // hours in which expired files are deleted, `;` separated
	DiskMaxUsedSpaceRatio             int           `conf:"diskMaxUsedSpaceRatio,hot"`             // % of the disk from which files are deleted that are older than fileReservedTime, whatever the hour
	FileReservedTime                  int           `conf:"fileReservedTime,hot,h,min=0"`          // hours; also transaction skip age; a negative one is refused
	DeleteFileBatchMax                int           `conf:"deleteFileBatchMax,hot"`                // files per round
	MaxMessageSize                    int           `conf:"maxMessageSize,hot"`                    // body limit bytes
	MaxFilterMessageSize              int           `conf:"maxFilterMessageSize,hot"`              // CQ bytes scanned per pull
	CheckCRCOnRecover                 bool          `conf:"checkCRCOnRecover"`                     // compare bodies with their sums on recovery
	FlushCommitLogLeastPages          int           `conf:"flushCommitLogLeastPages,hot"`          // pages that a flush waits for
	FlushConsumeQueueLeastPages       int           `conf:"flushConsumeQueueLeastPages,hot"`       // pages that a flush waits for
	FlushCommitLogThoroughInterval    int           `conf:"flushCommitLogThoroughInterval,hot"`    // ms after which a flush waits for no number of pages
	FlushConsumeQueueThoroughInterval int           `conf:"flushConsumeQueueThoroughInterval,hot"` // ms after which a flush waits for no number of pages
	MaxTransferBytesOnMessageInMemory int           `conf:"maxTransferBytesOnMessageInMemory,hot"` // pull batch bytes
	MaxTransferCountOnMessageInMemory int           `conf:"maxTransferCountOnMessageInMemory,hot"` // pull batch count
	MaxTransferBytesOnMessageInDisk   int           `conf:"maxTransferBytesOnMessageInDisk,hot"`   // pull batch bytes, cold
	MaxTransferCountOnMessageInDisk   int           `conf:"maxTransferCountOnMessageInDisk,hot"`   // pull batch count, cold
	AccessMessageInMemoryMaxRatio     int           `conf:"accessMessageInMemoryMaxRatio,hot"`     // % RAM taken as hot
	MessageIndexEnable                bool          `conf:"messageIndexEnable,hot"`                // keep an index of keys; with indexFileWriteEnable
	MaxHashSlotNum                    int           `conf:"maxHashSlotNum"`                        // index slots
	MaxIndexNum                       int           `conf:"maxIndexNum"`                           // index entries
	MaxMsgsNumBatch                   int           `conf:"maxMsgsNumBatch,hot"`                   // query result cap
	MessageIndexSafe                  bool          `conf:"messageIndexSafe"`                      // recover index rule
	HaListenPort                      int           `conf:"haListenPort"`                          // listenPort+1 when 0
	BrokerRole                        BrokerRole    `conf:"brokerRole"`                            // ASYNC_MASTER or SYNC_MASTER; SLAVE stops the start
	FlushDiskType                     FlushDiskType `conf:"flushDiskType"`                         // ASYNC_FLUSH, SYNC_FLUSH
	SyncFlushTimeout                  int           `conf:"syncFlushTimeout,hot"`                  // ms that a send waits for the disk with SYNC_FLUSH
	MessageDelayLevel                 string        `conf:"messageDelayLevel"`                     // delay of each level
	FlushDelayOffsetInterval          int64         `conf:"flushDelayOffsetInterval,hot,ms"`       // ms between saves of delayOffset.json
	CleanFileForciblyEnable           bool          `conf:"cleanFileForciblyEnable,hot"`           // allow forced clean
	OffsetCheckInSlave                bool          `conf:"offsetCheckInSlave,hot"`                // correct offsets on slave
	OsPageCacheBusyTimeOutMills       int64         `conf:"osPageCacheBusyTimeOutMills,hot,ms"`    // page cache busy limit
	DefaultQueryMaxNum                int           `conf:"defaultQueryMaxNum,hot"`                // uniq key query cap
	EnableScheduleMessageStats        bool          `conf:"enableScheduleMessageStats"`            // count what is delivered of delay levels
	EnableLmq                         bool          `conf:"enableLmq"`                             // light queues; with enableMultiDispatch
	EnableMultiDispatch               bool          `conf:"enableMultiDispatch"`                   // light queues; with enableLmq
	MaxLmqConsumeQueueNum             int           `conf:"maxLmqConsumeQueueNum"`                 // so many light queues at most, with enableLmqQuota
	AutoMessageVersionOnTopicLen      bool          `conf:"autoMessageVersionOnTopicLen,hot"`      // v2 magic for long topics
	EnabledAppendPropCRC              bool          `conf:"enabledAppendPropCRC,hot"`              // append __CRC32# property
	ForceVerifyPropCRC                bool          `conf:"forceVerifyPropCRC"`                    // compare properties with theirs
	TravelCqFileNumWhenGetMessage     int           `conf:"travelCqFileNumWhenGetMessage,hot"`     // CQ files per pull
	TotalReplicas                     int           `conf:"totalReplicas,hot"`                     // brokers of one name, for lockInStrictMode
	CommitLogRecoverMaxNum            int           `conf:"commitLogRecoverMaxNum"`                // log files that a start goes back at most for an index that is behind or gone
	EnableLmqQuota                    bool          `conf:"enableLmqQuota"`                        // hold to maxLmqConsumeQueueNum
	IndexFileWriteEnable              bool          `conf:"indexFileWriteEnable,hot"`              // the same, under the name of 5.5

	Accepted

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
		Accepted: defaultAccepted(),

		StorePathRootDir:                  "~/store",
		MappedFileSizeCommitLog:           1073741824,
		MappedFileSizeTimerLog:            104857600,
		TimerPrecisionMs:                  1000,
		TimerWheelEnable:                  true,
		MappedFileSizeConsumeQueue:        6000000,
		MappedFileSizeConsumeQueueExt:     50331648,
		MapperFileSizeBatchConsumeQueue:   13800000,
		FlushIntervalCommitLog:            500,
		DiskSpaceWarningLevelRatio:        90,
		DiskSpaceCleanForciblyRatio:       85,
		FlushIntervalConsumeQueue:         1000,
		CleanResourceInterval:             10000,
		DeleteCommitLogFilesInterval:      100,
		DeleteConsumeQueueFilesInterval:   100,
		DeleteWhen:                        "04",
		DiskMaxUsedSpaceRatio:             75,
		FileReservedTime:                  72,
		DeleteFileBatchMax:                10,
		MaxMessageSize:                    4194304,
		MaxFilterMessageSize:              16000,
		CheckCRCOnRecover:                 true,
		FlushCommitLogLeastPages:          4,
		FlushConsumeQueueLeastPages:       2,
		FlushCommitLogThoroughInterval:    10000,
		FlushConsumeQueueThoroughInterval: 60000,
		MaxTransferBytesOnMessageInMemory: 262144,
		MaxTransferCountOnMessageInMemory: 32,
		MaxTransferBytesOnMessageInDisk:   65536,
		MaxTransferCountOnMessageInDisk:   8,
		AccessMessageInMemoryMaxRatio:     40,
		MessageIndexEnable:                true,
		MaxHashSlotNum:                    5000000,
		MaxIndexNum:                       20000000,
		MaxMsgsNumBatch:                   64,
		BrokerRole:                        AsyncMaster,
		FlushDiskType:                     AsyncFlush,
		SyncFlushTimeout:                  5000,
		MessageDelayLevel:                 "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
		FlushDelayOffsetInterval:          10000,
		CleanFileForciblyEnable:           true,
		OsPageCacheBusyTimeOutMills:       1000,
		DefaultQueryMaxNum:                32,
		EnableScheduleMessageStats:        true,
		MaxLmqConsumeQueueNum:             20000,
		AutoMessageVersionOnTopicLen:      true,
		TravelCqFileNumWhenGetMessage:     1,
		TotalReplicas:                     1,
		CommitLogRecoverMaxNum:            10,
		IndexFileWriteEnable:              true,
	}
}
