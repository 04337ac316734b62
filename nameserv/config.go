package nameserv

import (
	"os"
	"path/filepath"
)

// Config is what namesrv.conf can say, under the names and with the defaults of the original. Paths, ports and the black
// list itself never change while the server runs.
type Config struct {
	KvConfigPath    string `conf:"kvConfigPath"`
	ConfigStorePath string `conf:"configStorePath"`
	// ConfigBlackList: names that remote updates may not touch, beside those that never change.
	ConfigBlackList string `conf:"configBlackList"`
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

	Accepted
}

// Accepted are names of the original that nothing here reads: listed, because operators look for them. Requests may change those
// marked hot. A setting moves to Config when something begins to read it.
type Accepted struct {
	RocketmqHome   string `conf:"rocketmqHome"`
	ProductEnvName string `conf:"productEnvName,hot"`

	// Pool sizes. Lanes are sized by the remoting settings.
	ClientRequestThreadPoolNums          int `conf:"clientRequestThreadPoolNums"`
	ClientRequestThreadPoolQueueCapacity int `conf:"clientRequestThreadPoolQueueCapacity"`
	DefaultThreadPoolNums                int `conf:"defaultThreadPoolNums"`
	DefaultThreadPoolQueueCapacity       int `conf:"defaultThreadPoolQueueCapacity"`

	// The network layer.
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
		KvConfigPath:    filepath.Join(home, "namesrv", "kvConfig.json"),
		ConfigStorePath: filepath.Join(home, "namesrv", "namesrv.properties"),
		ConfigBlackList: "configBlackList;configStorePath;kvConfigPath",
		BindAddress:     "0.0.0.0",
		ListenPort:      9876,

		ReturnOrderTopicConfigToBroker: true,
		ScanNotActiveBrokerInterval:    5000,
		UnRegisterBrokerQueueCapacity:  3000,
		EnableAllTopicList:             true,
		EnableTopicList:                true,
		WaitSecondsForService:          45,

		Accepted: Accepted{
			RocketmqHome:   os.Getenv("ROCKETMQ_HOME"),
			ProductEnvName: "center",

			ClientRequestThreadPoolNums:          8,
			ClientRequestThreadPoolQueueCapacity: 50000,
			DefaultThreadPoolNums:                16,
			DefaultThreadPoolQueueCapacity:       10000,

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
