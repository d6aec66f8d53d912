module g-counter-go

go 1.26

require glomers v0.0.0

replace glomers => ../../../guest-sdk/go
