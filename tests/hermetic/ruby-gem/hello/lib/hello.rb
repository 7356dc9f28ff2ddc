require 'hello/hello'

module Hello
  def self.say
    "hello, built #{BUILT}"
  end
end
