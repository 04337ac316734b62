package nameserv

import (
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

// zlibHeader begins a compressed body; JSON begins with a brace.
const zlibHeader = 0x78

// decodeRegistration reads the body of REGISTER_BROKER in every form that brokers have sent. No body means no topics and a data
// version of zeros. Java brokers with compressedRegister=true compress and still say that they did not; their own name server
// fails on that, we look at the first byte.
func decodeRegistration(data []byte, version int32, compressed bool) (*route.Registration, error) {
	if len(data) == 0 {
		return &route.Registration{}, nil
	}
	b, err := body.DecodeRegisterBroker(data, compressed || data[0] == zlibHeader, version)
	if err != nil {
		return nil, err
	}
	w := &b.TopicConfigSerializeWrapper
	return &route.Registration{
		Version: w.DataVersion, Topics: w.TopicConfigTable, Mappings: w.TopicQueueMappingInfoMap,
		FilterServers: b.FilterServerList,
	}, nil
}
