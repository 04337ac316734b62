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

// FactsReader reads the facts of property strings that look like each other faster than Facts.Read. It is for one goroutine, the zero
// value is ready.
type FactsReader struct{ like Likenesses[FactsAt] }

// Read takes the facts out of a property string.
func (r *FactsReader) Read(props []byte) (f Facts) {
	if at := r.like.Find(props); at != nil {
		return at.Of(props)
	}
	f.Read(props)
	if r.like.Missed(props) {
		r.like.Keep(props, anyName, FactsAtOf(props))
	}
	return f
}

func anyName([]byte) bool { return true }

// FactsAt is where the facts lie in a property string, and in those like it.
type FactsAt struct {
	Tags, Keys, Uniq          Span
	delay, innerNum, dispatch Span
	dispatched                bool
}

// Of are the facts of such a string.
func (at *FactsAt) Of(props []byte) Facts {
	return Facts{
		Tags: at.Tags.Of(props), Keys: at.Keys.Of(props), Uniq: at.Uniq.Of(props), Delay: at.delay.Of(props),
		InnerNum: at.innerNum.Of(props), Dispatch: at.dispatch.Of(props), Dispatched: at.dispatched,
	}
}

// FactsAtOf looks through a property string of at most PropertiesMax bytes.
func FactsAtOf(props []byte) (at FactsAt) {
	for p := PairsOf(props); p.Next(); {
		var one Facts
		one.Note(p.Name, p.Value)
		place := p.At(props)
		switch {
		case one.Tags != nil:
			at.Tags = place
		case one.Keys != nil:
			at.Keys = place
		case one.Uniq != nil:
			at.Uniq = place
		case one.Delay != nil:
			at.delay = place
		case one.InnerNum != nil:
			at.innerNum = place
		case one.Dispatch != nil:
			at.dispatch = place
		case one.Dispatched:
			at.dispatched = true
		}
	}
	return at
}
