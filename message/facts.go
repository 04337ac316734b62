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
type FactsReader struct{ like Likenesses[factsAt] }

// factsAt is where they lie.
type factsAt struct {
	tags, keys, uniq, delay, innerNum, dispatch Span
	dispatched                                  bool
}

// Read takes the facts out of a property string.
func (r *FactsReader) Read(props []byte) (f Facts) {
	if at := r.like.Find(props); at != nil {
		return Facts{
			Tags: at.tags.Of(props), Keys: at.keys.Of(props), Uniq: at.uniq.Of(props), Delay: at.delay.Of(props),
			InnerNum: at.innerNum.Of(props), Dispatch: at.dispatch.Of(props), Dispatched: at.dispatched,
		}
	}
	f.Read(props)
	if r.like.Missed(props) {
		r.like.Keep(props, anyName, placesOf(props))
	}
	return f
}

func anyName([]byte) bool { return true }

func placesOf(props []byte) (at factsAt) {
	for p := PairsOf(props); p.Next(); {
		var one Facts
		one.Note(p.Name, p.Value)
		place := p.At(props)
		switch {
		case one.Tags != nil:
			at.tags = place
		case one.Keys != nil:
			at.keys = place
		case one.Uniq != nil:
			at.uniq = place
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
