<?php

namespace Hello;

class Hello
{
    public static function say(): string
    {
        return "hello\n";
    }
}
