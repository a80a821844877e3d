module portcheck.test/listen

go 1.21
