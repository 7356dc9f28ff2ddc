package main

import (
	"fmt"

	"rsc.io/quote"
)

var built = "?"

func main() {
	fmt.Println(quote.Hello(), built)
}
