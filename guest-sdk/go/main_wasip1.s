// Without a file of assembly the compiler does not accept the declaration of a function that is elsewhere: userMain.
