package body

// ModePull is the mode of what says none.
const ModePull = "PULL"

// QueryAssignmentRequestBody is the body of QUERY_ASSIGNMENT.
type QueryAssignmentRequestBody struct {
	ClientId      string `json:"clientId"`
	ConsumerGroup string `json:"consumerGroup"`
	MessageModel  string `json:"messageModel,omitempty"`
	StrategyName  string `json:"strategyName,omitempty"`
	Topic         string `json:"topic"`
}

// QueryAssignmentResponseBody answers it. No set at all tells the client to keep what it has, an empty set to drop it.
type QueryAssignmentResponseBody struct {
	MessageQueueAssignments *[]MessageQueueAssignment `json:"messageQueueAssignments"`
}

// MessageQueueAssignment is one queue; id -1 stands for all queues of the broker.
type MessageQueueAssignment struct {
	Attachments  map[string]string `json:"attachments,omitempty"`
	MessageQueue MessageQueue      `json:"messageQueue"`
	Mode         string            `json:"mode"`
}

// SetDefaults gives the initial values of the Java class.
func (a *MessageQueueAssignment) SetDefaults() { a.Mode = ModePull }

// SetMessageRequestModeRequestBody is the body of SET_MESSAGE_REQUEST_MODE.
type SetMessageRequestModeRequestBody struct {
	ConsumerGroup    string `json:"consumerGroup"`
	Mode             string `json:"mode"`
	PopShareQueueNum int32  `json:"popShareQueueNum"`
	Topic            string `json:"topic"`
}

// SetDefaults gives the initial values of the Java class.
func (b *SetMessageRequestModeRequestBody) SetDefaults() { b.Mode = ModePull }
