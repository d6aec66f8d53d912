module glomers

go 1.26
