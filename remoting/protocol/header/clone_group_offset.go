package header

// CloneGroupOffset is the header of CLONE_GROUP_OFFSET (314).
type CloneGroupOffset struct {
	SrcGroup  string `ext:"srcGroup,required"`
	DestGroup string `ext:"destGroup,required"`
	Topic     string `ext:"topic"`
	Offline   bool   `ext:"offline"`
}
