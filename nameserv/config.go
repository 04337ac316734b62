package nameserv

import (
	"os"
	"path/filepath"
)

// Config is what namesrv.conf can say, under the names and with the defaults of the original. Paths, ports and the black
// list itself never change while the server runs.
type Config struct {
	// KvConfigPath: the file of the key-value configuration, read at start and written with every change. Standalone: namesrv/kvConfig.json of the store.
	KvConfigPath string `conf:"kvConfigPath"`
	// ConfigStorePath: where changed settings are written; with -c always the file given there. A start reads only what -c names.
	// Standalone: namesrv/namesrv.properties of the store.
	ConfigStorePath string `conf:"configStorePath"`
	// ConfigBlackList: names that remote updates may not touch, beside those that never change.
	ConfigBlackList string `conf:"configBlackList"`
	// ClusterTest: true stops the start; routes of other name servers are not in this version.
	ClusterTest bool `conf:"clusterTest"`

	// BindAddress is the address to listen on.
	BindAddress string `conf:"bindAddress"`
	// ListenPort is the port to listen on.
	ListenPort int `conf:"listenPort"`

	// OrderMessageEnable: route answers carry the order configuration of the topic.
	OrderMessageEnable bool `conf:"orderMessageEnable,hot"`
	// ReturnOrderTopicConfigToBroker: registrations are answered with it.
	ReturnOrderTopicConfigToBroker bool `conf:"returnOrderTopicConfigToBroker,hot"`

	// ScanNotActiveBrokerInterval: milliseconds between two looks for silent brokers.
	ScanNotActiveBrokerInterval int64 `conf:"scanNotActiveBrokerInterval"`
	// UnRegisterBrokerQueueCapacity: departures that may wait to be applied, those of one closed connection as one. For more,
	// UNREGISTER_BROKER is answered SYSTEM_ERROR, and brokers whose connection closed stay until they have been silent for too long.
	UnRegisterBrokerQueueCapacity int `conf:"unRegisterBrokerQueueCapacity"`

	// SupportActingMaster: routes show the smallest slave as master when the master is gone.
	SupportActingMaster bool `conf:"supportActingMaster,hot"`
	// NotifyMinBrokerIDChanged: tell the members of a group when its smallest id changes.
	NotifyMinBrokerIDChanged bool `conf:"notifyMinBrokerIdChanged,hot"`

	// EnableAllTopicList: answer the list of all topics; false refuses it with SYSTEM_ERROR.
	EnableAllTopicList bool `conf:"enableAllTopicList,hot"`
	// EnableTopicList: answer the lists of the topics of a cluster and of unit topics; false refuses them with SYSTEM_ERROR.
	EnableTopicList bool `conf:"enableTopicList,hot"`

	// NeedWaitForService: route queries are refused in the first WaitSecondsForService, while brokers still register.
	NeedWaitForService bool `conf:"needWaitForService,hot"`
	// WaitSecondsForService: so many seconds after the start, with needWaitForService.
	WaitSecondsForService int `conf:"waitSecondsForService,hot"`

	// DeleteTopicWithBrokerRegistration: topics missing from a full registration are forgotten.
	DeleteTopicWithBrokerRegistration bool `conf:"deleteTopicWithBrokerRegistration,hot"`
	// EnableControllerInNamesrv: true stops the start; the controller is not in this version.
	EnableControllerInNamesrv bool `conf:"enableControllerInNamesrv"`

	Accepted
}

// Accepted are names of the original that nothing here reads: listed, because operators look for them. Requests may change those
// marked hot. A setting moves to Config when something begins to read it.
type Accepted struct {
	RocketmqHome   string `conf:"rocketmqHome"`       // no file is looked for there
	ProductEnvName string `conf:"productEnvName,hot"` // shown only

	// Pool sizes. The name server's requests have workers of a fixed number.

	ClientRequestThreadPoolNums          int `conf:"clientRequestThreadPoolNums"`          // threads for route queries
	ClientRequestThreadPoolQueueCapacity int `conf:"clientRequestThreadPoolQueueCapacity"` // route queries that wait
	DefaultThreadPoolNums                int `conf:"defaultThreadPoolNums"`                // threads for all other requests
	DefaultThreadPoolQueueCapacity       int `conf:"defaultThreadPoolQueueCapacity"`       // other requests that wait

	// The network layer.

	ServerWorkerThreads                int  `conf:"serverWorkerThreads"`                // codec threads
	ServerCallbackExecutorThreads      int  `conf:"serverCallbackExecutorThreads"`      // threads for callbacks, 0 means 4
	ServerSelectorThreads              int  `conf:"serverSelectorThreads"`              // IO threads; here eventLoops
	ServerOnewaySemaphoreValue         int  `conf:"serverOnewaySemaphoreValue"`         // one-way requests on their way out
	ServerAsyncSemaphoreValue          int  `conf:"serverAsyncSemaphoreValue"`          // asynchronous requests on their way out
	ServerSocketBacklog                int  `conf:"serverSocketBacklog"`                // connections that wait to be accepted
	WriteBufferHighWaterMark           int  `conf:"writeBufferHighWaterMark"`           // bytes a connection owes; here pausePendingBytesPerConnection
	WriteBufferLowWaterMark            int  `conf:"writeBufferLowWaterMark"`            // bytes, likewise
	ServerNettyWorkerGroupEnable       bool `conf:"serverNettyWorkerGroupEnable"`       // codec threads apart from IO threads
	ServerPooledByteBufAllocatorEnable bool `conf:"serverPooledByteBufAllocatorEnable"` // netty's pool of buffers
	UseEpollNativeSelector             bool `conf:"useEpollNativeSelector"`             // netty's epoll
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
