package nameserv

import (
	"os"
	"path/filepath"
)

// Config is what namesrv.conf can say, under the names and with the defaults of the original. Paths, ports and the black
// list itself never change while the server runs.
type Config struct {
	RocketmqHome    string `conf:"rocketmqHome"`
	KvConfigPath    string `conf:"kvConfigPath"`
	ConfigStorePath string `conf:"configStorePath"`
	// ConfigBlackList: names that remote updates may not touch, beside those that never change.
	ConfigBlackList string `conf:"configBlackList"`
	ProductEnvName  string `conf:"productEnvName,hot"`
	ClusterTest     bool   `conf:"clusterTest"`

	BindAddress string `conf:"bindAddress"`
	ListenPort  int    `conf:"listenPort"`

	// OrderMessageEnable: route answers carry the order configuration of the topic.
	OrderMessageEnable bool `conf:"orderMessageEnable,hot"`
	// ReturnOrderTopicConfigToBroker: registrations are answered with it.
	ReturnOrderTopicConfigToBroker bool `conf:"returnOrderTopicConfigToBroker,hot"`

	// ScanNotActiveBrokerInterval: milliseconds between two looks for silent brokers.
	ScanNotActiveBrokerInterval   int64 `conf:"scanNotActiveBrokerInterval"`
	UnRegisterBrokerQueueCapacity int   `conf:"unRegisterBrokerQueueCapacity"`

	// SupportActingMaster: routes show the smallest slave as master when the master is gone.
	SupportActingMaster bool `conf:"supportActingMaster,hot"`
	// NotifyMinBrokerIDChanged: tell the members of a group when its smallest id changes.
	NotifyMinBrokerIDChanged bool `conf:"notifyMinBrokerIdChanged,hot"`

	EnableAllTopicList bool `conf:"enableAllTopicList,hot"`
	EnableTopicList    bool `conf:"enableTopicList,hot"`

	// NeedWaitForService: route queries are refused in the first WaitSecondsForService, while brokers still register.
	NeedWaitForService    bool `conf:"needWaitForService,hot"`
	WaitSecondsForService int  `conf:"waitSecondsForService,hot"`

	// DeleteTopicWithBrokerRegistration: topics missing from a full registration are forgotten.
	DeleteTopicWithBrokerRegistration bool `conf:"deleteTopicWithBrokerRegistration,hot"`
	EnableControllerInNamesrv         bool `conf:"enableControllerInNamesrv"`

	// Pool sizes of the original, listed because operators look for them. Lanes are sized by the remoting settings.
	ClientRequestThreadPoolNums          int `conf:"clientRequestThreadPoolNums"`
	ClientRequestThreadPoolQueueCapacity int `conf:"clientRequestThreadPoolQueueCapacity"`
	DefaultThreadPoolNums                int `conf:"defaultThreadPoolNums"`
	DefaultThreadPoolQueueCapacity       int `conf:"defaultThreadPoolQueueCapacity"`

	Remoting
}

// Remoting are names of the original's network layer that ours has no use for: listed, because operators look for them.
type Remoting struct {
	ServerWorkerThreads                int  `conf:"serverWorkerThreads"`
	ServerCallbackExecutorThreads      int  `conf:"serverCallbackExecutorThreads"`
	ServerSelectorThreads              int  `conf:"serverSelectorThreads"`
	ServerOnewaySemaphoreValue         int  `conf:"serverOnewaySemaphoreValue"`
	ServerAsyncSemaphoreValue          int  `conf:"serverAsyncSemaphoreValue"`
	ServerSocketBacklog                int  `conf:"serverSocketBacklog"`
	WriteBufferHighWaterMark           int  `conf:"writeBufferHighWaterMark"`
	WriteBufferLowWaterMark            int  `conf:"writeBufferLowWaterMark"`
	ServerNettyWorkerGroupEnable       bool `conf:"serverNettyWorkerGroupEnable"`
	ServerPooledByteBufAllocatorEnable bool `conf:"serverPooledByteBufAllocatorEnable"`
	UseEpollNativeSelector             bool `conf:"useEpollNativeSelector"`
}

// Defaults are the values without any configuration file.
func Defaults() Config {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "." // a container without a user has its working directory
	}
	return Config{
		RocketmqHome:    os.Getenv("ROCKETMQ_HOME"),
		KvConfigPath:    filepath.Join(home, "namesrv", "kvConfig.json"),
		ConfigStorePath: filepath.Join(home, "namesrv", "namesrv.properties"),
		ConfigBlackList: "configBlackList;configStorePath;kvConfigPath",
		ProductEnvName:  "center",
		BindAddress:     "0.0.0.0",
		ListenPort:      9876,

		ReturnOrderTopicConfigToBroker: true,
		ScanNotActiveBrokerInterval:    5000,
		UnRegisterBrokerQueueCapacity:  3000,
		EnableAllTopicList:             true,
		EnableTopicList:                true,
		WaitSecondsForService:          45,

		ClientRequestThreadPoolNums:          8,
		ClientRequestThreadPoolQueueCapacity: 50000,
		DefaultThreadPoolNums:                16,
		DefaultThreadPoolQueueCapacity:       10000,

		Remoting: Remoting{
			ServerWorkerThreads:                8,
			ServerSelectorThreads:              3,
			ServerOnewaySemaphoreValue:         256,
			ServerAsyncSemaphoreValue:          64,
			ServerSocketBacklog:                1024,
			ServerNettyWorkerGroupEnable:       true,
			ServerPooledByteBufAllocatorEnable: true,
		},
	}
}
