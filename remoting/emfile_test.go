package remoting

const childOfEMFILE = "SKYLARK_TEST_FEW_DESCRIPTORS"

func serveWithFewDescriptors() int { return 0 }
