fn main() {
    println!("built at {}: {}", env!("BUILT"), env!("ORDER"));
}
