;;; hello.el --- says hello  -*- lexical-binding: t -*-
(defconst hello-built (eval-when-compile (format-time-string "%F %T")))
(defun hello () "Say it." (message "hello, built %s" hello-built))
(provide 'hello)
;;; hello.el ends here
