import java.util.Properties;

public class Hello {
    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.load(Hello.class.getResourceAsStream("/stamp.properties"));
        System.out.println("hello " + p);
    }
}
