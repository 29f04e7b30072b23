//! Placeholder.
#[allow(unsafe_code)]
mod linux { 
#[unsafe(no_mangle)] extern "C" fn mach_absolute_time()->u64{0}
#[unsafe(no_mangle)] extern "C" fn mach_approximate_time()->u64{0}
}
#[test] fn t(){ let a=mlx_rs::Array::from_slice(&[1f32,2.0],&[2]); let b=a.add(&a).unwrap(); assert_eq!(b.as_slice::<f32>(), &[2.0f32,4.0]); }
