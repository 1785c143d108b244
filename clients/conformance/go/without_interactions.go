//go:build without_interactions

package main

func interactionsCase() { panic(notApplicable("this version has no interactions")) }
