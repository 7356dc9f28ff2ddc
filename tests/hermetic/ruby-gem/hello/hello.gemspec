Gem::Specification.new do |s|
  s.name = 'hello'
  s.version = '1.0.0'
  s.summary = 'says hello'
  s.authors = ['nobody']
  s.license = 'Apache-2.0'
  s.files = Dir['lib/**/*.rb', 'ext/**/*']
  s.extensions = ['ext/hello/extconf.rb']
end
