package header

// UpdateGroupForbidden is the header of UPDATE_AND_GET_GROUP_FORBIDDEN (353).
type UpdateGroupForbidden struct {
	Group    string `ext:"group,required"`
	Topic    string `ext:"topic,required"`
	Readable *bool  `ext:"readable"`
}
