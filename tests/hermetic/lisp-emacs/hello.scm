(define-public (hello) (display "hello\n"))
