module {{name}}

go 1.26

require glomers v0.0.0

replace glomers => ./glomers/
