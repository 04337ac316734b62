package message

// Facts are the properties that decide where a message goes and how it is found again.
type Facts struct {
	Tags, Keys, Uniq, Delay []byte
	InnerNum, Dispatch      []byte // INNER_NUM, INNER_MULTI_DISPATCH
	Dispatched              bool   // INNER_MULTI_QUEUE_OFFSET is there
}

// Read takes them out of a property string.
func (f *Facts) Read(props []byte) {
	for p := PairsOf(props); p.Next(); {
		f.Note(p.Name, p.Value)
	}
}

// Note takes one pair; of a name that comes twice the last one counts.
func (f *Facts) Note(name, value []byte) {
	switch string(name) {
	case PropertyTags:
		f.Tags = value
	case PropertyKeys:
		f.Keys = value
	case PropertyUniqKey:
		f.Uniq = value
	case PropertyDelay:
		f.Delay = value
	case PropertyInnerNum:
		f.InnerNum = value
	case PropertyInnerMultiDispatch:
		f.Dispatch = value
	case PropertyInnerMultiQueueOffset:
		f.Dispatched = true
	}
}
